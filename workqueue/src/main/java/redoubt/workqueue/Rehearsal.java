package redoubt.workqueue;

/** Waits, at construction, until a new context has run something; what it needed is then loaded and its stack touched. */
final class Rehearsal {

    private Rehearsal() {}

    static void await(Completion ran, String name, Machine machine) {
        boolean inTime;
        try {
            inTime = ran.await(machine, Machine.REHEARSAL_LIMIT_NANOS);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + name + " was rehearsed", stopped);
        }
        if (!inTime) {
            throw new IllegalStateException("the worker of " + name + " was made, but does not run");
        }
    }
}
