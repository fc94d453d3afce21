package redoubt.kernfs;

/** What an attribute does when somebody opens it and lets go of it. */
public interface FileHook {

    /** Somebody opens the attribute; with an active reference held. A refusal refuses the opening. */
    Outcome opened(OpenFile file);

    /**
     * The file is of no use any more: it was closed, or the attribute was removed or hidden. Called once for each file that was opened, and by
     * removal before it returns. What is read from the file or written to it after this is refused.
     */
    void released(OpenFile file);
}
