package redoubt.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import redoubt.block.ErrorText;

/**
 * How a connection comes to a directory and goes from it again: by mount(2) where this process may do that, otherwise by {@code fusermount3},
 * which opens {@code /dev/fuse} itself, mounts, and passes the descriptor back over a socket. For the thread that serves; it may wait.
 */
final class Mounting {

    static final Path DEVICE = Path.of("/dev/fuse");
    private static final String SUID_PROGRAM = "fusermount3";
    private static final String NAME = "redoubt";
    private static final int SOCKET_NUMBER = 3;
    private static final long CHILD_NANOS = TimeUnit.SECONDS.toNanos(10);

    private Mounting() {}

    /**
     * Checks what can be checked before anything is started.
     *
     * @throws FuseRefused with a sentence that says what is missing
     */
    static void check(Path directory) throws FuseRefused {
        if (!Linux.available()) {
            throw new FuseRefused("nothing can be mounted here: this needs Linux, and native access for redoubt.fuse");
        }
        if (!Files.exists(DEVICE)) {
            throw new FuseRefused(
                    "nothing can be mounted here: there is no " + DEVICE + "; load the kernel's module 'fuse'");
        }
        if (!Files.isDirectory(directory)) {
            throw new FuseRefused("'" + directory + "' is no directory to mount on");
        }
        if (Linux.user() != 0 && !hasProgram()) {
            throw new FuseRefused("nothing can be mounted here: only root can do without " + SUID_PROGRAM
                    + ", which is not there; it is in the package fuse3");
        }
    }

    private static boolean hasProgram() {
        String path = System.getenv("PATH");
        for (String folder : (path == null ? "/usr/bin:/bin" : path).split(":", -1)) {
            if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, SUID_PROGRAM))) {
                return true;
            }
        }
        return false;
    }

    /**
     * Mounts a new connection on a directory and answers its descriptor, which does not block.
     *
     * @param longestReadBytes what a READ asks for at most; the longest WRITE is agreed in the greeting
     */
    static int attach(Path directory, int longestReadBytes) throws FuseRefused {
        int descriptor = bySystemCall(directory, longestReadBytes);
        if (descriptor < 0) {
            descriptor = byProgram(directory, longestReadBytes);
        }
        int refused = Linux.doNotBlock(descriptor);
        if (refused < 0) {
            Linux.close(descriptor);
            throw new FuseRefused("cannot talk to the kernel on " + DEVICE + ": " + ErrorText.of(-refused));
        }
        return descriptor;
    }

    /** A negative number where this process may not. */
    private static int bySystemCall(Path directory, int longestReadBytes) throws FuseRefused {
        int user = Linux.user();
        if (user != 0) {
            return -1;
        }
        int descriptor = Linux.open(DEVICE.toString(), Linux.O_RDWR);
        if (descriptor < 0) {
            throw new FuseRefused("cannot open " + DEVICE + ": " + ErrorText.of(-descriptor));
        }
        String data = "fd=%d,rootmode=40000,user_id=%d,group_id=%d,default_permissions,max_read=%d"
                .formatted(descriptor, user, Linux.group(), longestReadBytes);
        int refused = Linux.mount(NAME, directory.toString(), "fuse." + NAME, Linux.MS_NOSUID | Linux.MS_NODEV, data);
        if (refused == 0) {
            return descriptor;
        }
        Linux.close(descriptor);
        if (refused == -Linux.EPERM && hasProgram()) {
            return -1;
        }
        throw new FuseRefused("cannot mount on '" + directory + "': " + ErrorText.of(-refused));
    }

    private static int byProgram(Path directory, int longestReadBytes) throws FuseRefused {
        int[] ends = new int[2];
        int refused = Linux.socketPair(Linux.SOCK_STREAM, ends);
        if (refused < 0) {
            throw new FuseRefused("no socket to be had: " + ErrorText.of(-refused));
        }
        int descriptor = -1;
        try {
            String options = "rw,nosuid,nodev,default_permissions,max_read=%d,fsname=%s,subtype=%s"
                    .formatted(longestReadBytes, NAME, NAME);
            Child child;
            try {
                child = Child.start(new Child.Plan(
                        List.of(SUID_PROGRAM, "-o", options, "--", directory.toString()),
                        Map.of("_FUSE_COMMFD", Integer.toString(SOCKET_NUMBER)),
                        ends[1],
                        SOCKET_NUMBER,
                        false));
            } finally {
                Linux.close(ends[1]);
            }
            descriptor = Linux.receiveDescriptor(ends[0]);
            int code = child.awaitEnd(CHILD_NANOS);
            if (descriptor < 0) {
                throw new FuseRefused("%s could not mount on '%s' (exit code %d); it says why above"
                        .formatted(SUID_PROGRAM, directory, code));
            }
            return descriptor;
        } finally {
            Linux.close(ends[0]);
        }
    }

    /**
     * Takes the mount away. What is in use is only taken out of sight, and goes when the last user does.
     *
     * @return whether nobody used it
     */
    static boolean detach(Path directory) {
        if (Linux.user() == 0) {
            int refused = Linux.unmount(directory.toString(), Linux.UMOUNT_NOFOLLOW);
            if (refused == -Linux.EBUSY) {
                Linux.unmount(directory.toString(), Linux.UMOUNT_NOFOLLOW | Linux.MNT_DETACH);
                return false;
            }
            if (refused != -Linux.EPERM) {
                return true; // also where somebody else has unmounted it
            }
        }
        if (isGone(directory) || program(directory, "-u", "-q")) {
            return true;
        }
        program(directory, "-u", "-q", "-z");
        return isGone(directory);
    }

    private static boolean program(Path directory, String... flags) {
        List<String> words = new ArrayList<>(List.of(SUID_PROGRAM));
        words.addAll(List.of(flags));
        words.addAll(List.of("--", directory.toString()));
        int nowhere = Linux.open("/dev/null", Linux.O_RDWR);
        try {
            return Child.start(new Child.Plan(words, Map.of(), nowhere, 0, false))
                            .awaitEnd(CHILD_NANOS)
                    == 0;
        } catch (FuseRefused missing) {
            return false;
        } finally {
            Linux.close(nowhere);
        }
    }

    /** Whether nothing of ours is mounted there. */
    static boolean isGone(Path directory) {
        try {
            String wanted = " " + escaped(directory.toString()) + " ";
            for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
                if (line.startsWith(NAME + wanted)) {
                    return false;
                }
            }
            return true;
        } catch (IOException unknown) {
            return false;
        }
    }

    /** As /proc/mounts writes a path. */
    private static String escaped(String path) {
        return path.replace("\\", "\\134")
                .replace(" ", "\\040")
                .replace("\t", "\\011")
                .replace("\n", "\\012");
    }
}
