package redoubt.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import redoubt.block.ErrorText;

/**
 * A child process that takes a mount away when this process has died. It holds the other end of a socket and reads: a word means that all was
 * put in order and there is nothing to do; the end of the stream means that we are gone. It is in a session of its own, so that what ends our
 * process group leaves it alone, and takes away a mount only if that is dead, for somebody may have mounted anew.
 *
 * <p>A mount within another goes when the outer one does.
 */
final class Guardian {

    private static final long END_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final String SCRIPT = "trap '' HUP INT TERM; cd /; read word && exit 0; for d; do"
            + " [ -e \"$d/.\" ] || fusermount3 -u -z -q -- \"$d\" || umount -l -- \"$d\"; done;"
            + " [ -z \"$2\" ] || rmdir -- \"$2\"";

    private final Child child;
    private final int descriptor;

    private Guardian(Child child, int descriptor) {
        this.child = child;
        this.descriptor = descriptor;
    }

    /** Sets a guardian over a mount that carries all others. */
    static Guardian of(Path directory) throws FuseRefused {
        return of(List.of(directory.toString()));
    }

    /** Sets a guardian over two mounts; the second one's directory goes with it. */
    static Guardian of(Path first, Path second) throws FuseRefused {
        return of(List.of(first.toString(), second.toString()));
    }

    private static Guardian of(List<String> directories) throws FuseRefused {
        int[] ends = new int[2];
        int refused = Linux.socketPair(Linux.SOCK_STREAM, ends);
        if (refused < 0) {
            throw new FuseRefused("no socket to be had: " + ErrorText.of(-refused));
        }
        try {
            List<String> words = new ArrayList<>(List.of("sh", "-c", SCRIPT, "redoubt-guardian"));
            words.addAll(directories);
            Child child = Child.start(new Child.Plan(words, Map.of(), ends[1], 0, true));
            return new Guardian(child, ends[0]);
        } catch (FuseRefused none) {
            Linux.close(ends[0]);
            throw none;
        } finally {
            Linux.close(ends[1]);
        }
    }

    /** Its process id. */
    int pid() {
        return child.pid();
    }

    /** All is in order: sends it away. */
    void dismiss() {
        try (Arena arena = Arena.ofConfined()) {
            byte[] word = "done\n".getBytes(StandardCharsets.US_ASCII);
            MemorySegment bytes = arena.allocate(word.length);
            MemorySegment.copy(word, 0, bytes, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, word.length);
            Linux.write(descriptor, bytes.address(), word.length);
        }
        child.awaitEnd(END_NANOS);
        Linux.close(descriptor);
    }
}
