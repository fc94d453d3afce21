package redoubt.base;

/**
 * Where threads come from. All of them are platform threads, named, daemons, and started before the first request is served;
 * nothing on the data path calls this.
 */
public final class Threads {

    private Threads() {}

    /**
     * Starts a thread.
     *
     * @throws OutOfMemoryError if the machine has no thread to give; whoever constructs a part of the engine fails with it
     */
    public static Thread start(String name, Runnable body) {
        Thread thread = Thread.ofPlatform().name(name).daemon(true).unstarted(body);
        thread.start();
        return thread;
    }

    /** Lets the virtual machine start a thread with this body when the process is asked to end (SIGTERM, SIGINT, exit). */
    public static void atExit(String name, Runnable body) {
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name(name).unstarted(body));
    }
}
