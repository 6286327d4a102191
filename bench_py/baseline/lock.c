/* Counts at each tick of the process's CPU time whether the thread that runs has attached itself to the program's
 * Python, and so keeps its lock. The two functions of that Python that tell it read variables of the thread only. */

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/time.h>

typedef void *(*ThreadState)(void);

static ThreadState attached, own;
static atomic_long ticks, kept;

static void tick(int number) {
    (void)number;
    void *state = attached();
    atomic_fetch_add(&ticks, 1);
    if (state != NULL && state == own()) atomic_fetch_add(&kept, 1);
}

static int every(long microseconds) {
    struct itimerval interval = {{0, microseconds}, {0, microseconds}};
    return setitimer(ITIMER_PROF, &interval, NULL);
}

/* Starts to count. `attached` is PyThreadState_GetUnchecked (before Python 3.12, the state of whichever thread keeps the
 * lock), `own` PyGILState_GetThisThreadState. The system's ticks may be further apart than the interval. */
int start_ticks(ThreadState attached_, ThreadState own_, long microseconds) {
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    attached = attached_;
    own = own_;
    atomic_store(&ticks, 0);
    atomic_store(&kept, 0);
    if (sigaction(SIGPROF, &action, NULL) != 0) return -1;
    return every(microseconds);
}

/* Ends it. The handler stays, for a tick that is under way. */
int stop_ticks(long *all, long *with_lock) {
    int status = every(0);
    *all = atomic_load(&ticks);
    *with_lock = atomic_load(&kept);
    return status;
}
