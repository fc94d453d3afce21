package redoubt.base;

/** Makes workers. A test's factory may refuse, hang, or run the steps itself, one by one. */
@FunctionalInterface
public interface WorkerFactory {

    /**
     * Makes a worker that runs {@code step} again and again while it answers true.
     *
     * @throws OutOfMemoryError if there is no thread to give
     */
    Worker start(String name, Step step);

    /** How a thread waits for what these workers do. */
    default Parking parking() {
        return Parking.threads();
    }

    /** Workers with a thread each. */
    static WorkerFactory threads() {
        return ThreadWorker::new;
    }
}
