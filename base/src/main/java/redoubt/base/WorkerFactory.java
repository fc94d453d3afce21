package redoubt.base;

/** Makes workers. A test's factory may refuse, or run the steps itself, one by one. */
public interface WorkerFactory {

    /**
     * Makes a worker that runs {@code step} again and again while it answers true.
     *
     * @throws OutOfMemoryError if there is no thread to give
     */
    Worker start(String name, Step step);

    /** Workers with a thread each. */
    static WorkerFactory threads() {
        return ThreadWorker::new;
    }
}
