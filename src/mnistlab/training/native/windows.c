// Windows calls this when it loads or frees the library; the C library's own is not linked.
int _DllMainCRTStartup(void *library, unsigned reason, void *reserved) {
    (void)library, (void)reason, (void)reserved;
    return 1;
}
