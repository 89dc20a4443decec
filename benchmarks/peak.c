// The most that one core can do: independent fused multiply-adds in registers, and nothing else.
//
// Answers each line of standard input with a line of JSON: seconds and operations of one loop.
// Sums are as many as the registers hold beside the two factors, more than a multiply-add has to
// wait for. The assembly is volatile: the compiler neither removes nor reorders it.
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16, SUMS = 16 };
#define MULTIPLY_ADD "vfmadd213ps %1, %2, %0"
#define REGISTER "v"
#elif defined(__FMA__)
enum { LANES = 8, SUMS = 12 };
#define MULTIPLY_ADD "vfmadd213ps %1, %2, %0"
#define REGISTER "x"
#elif defined(__aarch64__)
enum { LANES = 4, SUMS = 24 };
#define MULTIPLY_ADD "fmla %0.4s, %1.4s, %2.4s"
#define REGISTER "w"
#endif
typedef float vector __attribute__((vector_size(4 * LANES)));

enum { ROUNDS = 100000000 };

static double seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

static void multiply_and_add(void) {
    vector sums[SUMS] = {{0}}, one = (vector){0} + 1, small = (vector){0} + 1e-9f;
    for (int round = 0; round < ROUNDS; round++)
#pragma unroll
        for (int i = 0; i < SUMS; i++)
            __asm__ volatile(MULTIPLY_ADD : "+" REGISTER(sums[i]) : REGISTER(one), REGISTER(small));
}

int main(void) {
    char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        double started = seconds();
        multiply_and_add();
        double wall = seconds() - started, operations = 2.0 * LANES * SUMS * ROUNDS;
        printf("{\"wall\": %.9f, \"operations\": %.0f}\n", wall, operations);
        fflush(stdout);
    }
}
