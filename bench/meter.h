/* What the load client measures: time, a server's CPU time and memory, latency. */
#ifndef METER_H
#define METER_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 2048 };

static const uint64_t SECOND = 1000000000ULL;

static int pids[8], pid_count;      /* of the server */
static uint64_t histogram[BUCKETS]; /* of microseconds */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* What the servers have used */

static double cpu_seconds(void)
{
    double sum = 0;
    for (int i = 0; i < pid_count; i++) {
        char path[64], text[1024];
        unsigned long user = 0, system = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", pids[i]);
        FILE *file = fopen(path, "r");
        if (!file)
            fail(path);
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        sscanf(strrchr(text, ')') + 2,
               "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
        sum += (user + system) / (double)sysconf(_SC_CLK_TCK);
    }
    return sum;
}

static long memory_kb(void)
{
    long sum = 0;
    for (int i = 0; i < pid_count; i++) {
        char path[64], line[256];
        long value = 0;
        snprintf(path, sizeof path, "/proc/%d/status", pids[i]);
        FILE *file = fopen(path, "r");
        if (!file)
            fail(path);
        while (fgets(line, sizeof line, file))
            if (sscanf(line, "VmRSS: %ld", &value) == 1)
                break;
        fclose(file);
        sum += value;
    }
    return sum;
}

static double own_cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* Latency: 32 buckets for each power of two, so within about 3 % */

static int bucket_of(uint64_t us)
{
    if (us < 32)
        return us;
    int exponent = 63 - __builtin_clzll(us);
    int bucket = (exponent - 4) * 32 + ((us >> (exponent - 5)) & 31);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double milliseconds_of(int bucket)
{
    if (bucket < 32)
        return bucket / 1e3;
    int exponent = bucket / 32 + 4;
    return ((1ULL << exponent) + ((uint64_t)(bucket % 32) << (exponent - 5))) / 1e3;
}

static double percentile(double share)
{
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        total += histogram[i];
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += histogram[i]) >= share * total && total)
            return milliseconds_of(i);
    return 0;
}

#endif
