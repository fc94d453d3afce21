package redoubt.bench;

import java.nio.file.Path;
import java.util.List;

/**
 * How a server is made and started.
 *
 * @param id short, for file names and the command line
 * @param title for the table
 * @param members files that must be there first
 * @param preparations commands that are run to their end first
 * @param command the server itself; stays in the foreground
 * @param socket where it listens
 * @param dataInMemory whether what it serves is its own memory
 */
record ServerPlan(
        String id,
        String title,
        List<Member> members,
        List<List<String>> preparations,
        List<String> command,
        Path socket,
        boolean dataInMemory) {

    /** A file that must be there before the server starts. */
    record Member(Path path, long bytes) {}
}
