package redoubt.control;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import redoubt.kernfs.Errno;

/**
 * {@link Attributes} over a mount of the tree. An attribute is opened for each read and store, and held open as long as it is watched: it is read, so that
 * poll(2) tells of what comes after, and read again whenever it told.
 *
 * <p>There is no limit to an answer here but the kernel's: it waits as long as the server is there. When that ends, its mount goes, and what is found in its
 * place is nothing of the tree: that is known by the number of the file system, and is an {@link IOException}.
 *
 * <p>The lock guards {@link #wakeup}, which must not be written to when it is closed; nothing waits under it.
 */
public final class MountAttributes implements Attributes {

    /** As long as sysfs lets a value be, and more than most are; a longer one is read piece by piece. */
    private static final int PIECE_BYTES = 4096;

    /** How often a watched attribute is read that changed and cannot be read. */
    private static final int READ_TRIES = 3;

    private static final String FILE_SYSTEM = "unix:dev";
    private static final byte[] ONE = {1, 0, 0, 0, 0, 0, 0, 0}; // in either order of bytes it is not zero

    private record Watch(String path, int descriptor) {}

    private final Path directory;
    private final Object fileSystem;
    private final Object lock = new Object();
    private final List<Watch> watches = new ArrayList<>();
    private final ArrayDeque<Change> changes = new ArrayDeque<>();
    private int wakeup; // closed under the lock

    private MountAttributes(Path directory, Object fileSystem, int wakeup) {
        this.directory = directory;
        this.fileSystem = fileSystem;
        this.wakeup = wakeup;
    }

    /**
     * The tree that is mounted there.
     *
     * @param directory where {@code serve --mount} shows it
     * @throws IOException if there is no such directory, or this is not Linux
     */
    public static MountAttributes open(Path directory) throws IOException {
        if (!Linux.available()) {
            throw new IOException("attributes are reached through files on Linux only; take the control socket.");
        }
        Object fileSystem = Files.getAttribute(directory, FILE_SYSTEM);
        int wakeup = Linux.eventDescriptor();
        if (wakeup < 0) {
            throw new IOException("no descriptor is to be had: error " + -wakeup + '.');
        }
        return new MountAttributes(directory, fileSystem, wakeup);
    }

    @Override
    public String read(String path) throws IOException, AttributeRefused {
        int descriptor = opened(path, Linux.O_RDONLY);
        try {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            byte[] piece = new byte[PIECE_BYTES];
            int got = taken(path, Linux.read(descriptor, piece, 0));
            while (got > 0 && all.size() < ControlWords.READ_LIMIT_BYTES) {
                all.write(piece, 0, got);
                got = taken(path, Linux.read(descriptor, piece, all.size()));
            }
            return all.toString(UTF_8);
        } finally {
            Linux.close(descriptor);
        }
    }

    @Override
    public void write(String path, String value) throws IOException, AttributeRefused {
        int descriptor = opened(path, Linux.O_WRONLY);
        try {
            taken(path, Linux.write(descriptor, value.getBytes(UTF_8)));
        } finally {
            Linux.close(descriptor);
        }
    }

    @Override
    public List<Entry> list(String path) throws IOException, AttributeRefused {
        Path place = directory.resolve(path);
        if (!Files.isDirectory(place)) {
            throw refused(path, Files.exists(place) ? Errno.ENOTDIR.number() : Errno.ENOENT.number());
        }
        List<Entry> entries = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(place)) {
            for (Path each : all) {
                Kind kind = Files.isSymbolicLink(each)
                        ? Kind.LINK
                        : Files.isDirectory(each) ? Kind.DIRECTORY : Kind.ATTRIBUTE;
                entries.add(new Entry(String.valueOf(each.getFileName()), kind));
            }
        } catch (IOException | DirectoryIteratorException gone) {
            throw refused(path, Errno.ENOENT.number());
        }
        entries.sort(Comparator.comparing(Entry::name));
        return entries;
    }

    @Override
    public String readlink(String path) throws IOException, AttributeRefused {
        Path link = directory.resolve(path);
        if (!Files.isSymbolicLink(link)) {
            throw refused(path, Files.exists(link) ? Errno.EINVAL.number() : Errno.ENOENT.number());
        }
        return Files.readSymbolicLink(link).toString();
    }

    @Override
    public void watch(String path) throws IOException, AttributeRefused {
        if (watches.stream().anyMatch(watch -> watch.path().equals(path))) {
            return;
        }
        int descriptor = opened(path, Linux.O_RDONLY);
        int got = Linux.read(descriptor, new byte[PIECE_BYTES], 0);
        if (got < 0) {
            Linux.close(descriptor);
            throw refused(path, -got);
        }
        watches.add(new Watch(path, descriptor));
    }

    @Override
    public Optional<Change> awaitChange(long waitNanos) throws IOException {
        long deadline = System.nanoTime() + waitNanos;
        while (changes.isEmpty()) {
            boolean woken = look(deadline);
            if (changes.isEmpty() && (woken || System.nanoTime() - deadline >= 0)) {
                return Optional.empty();
            }
        }
        return Optional.of(changes.remove());
    }

    /** Waits once, and notes what changed; answers whether somebody called {@link #wake}. */
    private boolean look(long deadline) throws IOException {
        List<Watch> asked = List.copyOf(watches);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pollfds = arena.allocate((asked.size() + 1L) * Linux.POLLFD_BYTES, Linux.POLLFD_BYTES);
            ask(pollfds, 0, wakeup, Linux.POLL_IN);
            for (int i = 0; i < asked.size(); i++) {
                ask(pollfds, i + 1, asked.get(i).descriptor(), Linux.POLL_PRI);
            }
            long left = TimeUnit.NANOSECONDS.toMillis(Math.max(0, deadline - System.nanoTime()) + 999_999);
            int ready = Linux.poll(pollfds, (int) Math.min(Integer.MAX_VALUE, left));
            if (ready < 0 && ready != -Linux.EINTR) {
                throw new IOException("'" + directory + "' cannot be waited for: error " + -ready + '.');
            }
            for (int i = 0; ready > 0 && i < asked.size(); i++) {
                if (answer(pollfds, i + 1) != 0) {
                    note(asked.get(i));
                }
            }
            boolean woken = ready > 0 && answer(pollfds, 0) != 0;
            if (woken) {
                Linux.drain(wakeup);
            }
            return woken;
        }
    }

    private static void ask(MemorySegment pollfds, int which, int descriptor, short events) {
        long at = (long) which * Linux.POLLFD_BYTES;
        pollfds.set(ValueLayout.JAVA_INT, at, descriptor);
        pollfds.set(ValueLayout.JAVA_SHORT, at + Linux.POLLFD_EVENTS, events);
    }

    private static short answer(MemorySegment pollfds, int which) {
        return pollfds.get(ValueLayout.JAVA_SHORT, (long) which * Linux.POLLFD_BYTES + Linux.POLLFD_ANSWER);
    }

    /**
     * It is read, so that poll tells of the next change. One that is gone changed for the last time; one that cannot be read now is watched all the same: it is
     * told again until it can.
     */
    private void note(Watch watch) throws IOException {
        changes.add(new Change(watch.path(), 1));
        int got = Linux.read(watch.descriptor(), new byte[PIECE_BYTES], 0);
        for (int tries = 1; got < 0 && !isGone(-got) && tries < READ_TRIES; tries++) {
            got = Linux.read(watch.descriptor(), new byte[PIECE_BYTES], 0);
        }
        if (got < 0) {
            checkServed();
        }
        if (got < 0 && isGone(-got)) {
            Linux.close(watch.descriptor());
            watches.remove(watch);
        }
    }

    /** Whether an error says that there is nothing any more that could be read. */
    private static boolean isGone(int number) {
        return number == Errno.ENOENT.number() || number == Errno.ENODEV.number() || number == Linux.EBADF;
    }

    @Override
    public void wake() {
        synchronized (lock) {
            if (wakeup >= 0) {
                Linux.write(wakeup, ONE);
            }
        }
    }

    private int opened(String path, int flags) throws IOException, AttributeRefused {
        return taken(path, Linux.open(directory.resolve(path).toString(), flags));
    }

    private int taken(String path, int answer) throws IOException, AttributeRefused {
        if (answer < 0) {
            throw refused(path, -answer);
        }
        return answer;
    }

    /** What the server says, if it is there to say something. */
    private AttributeRefused refused(String path, int number) throws IOException {
        checkServed();
        for (Errno errno : Errno.values()) {
            if (errno.number() == number) {
                return new AttributeRefused(errno, "'" + path + "' answers " + errno + '.');
            }
        }
        throw new IOException("'" + directory.resolve(path) + "' answers with error " + number + '.');
    }

    /** Whether an answer came from the server, and not from the directory that its mount covered. */
    private void checkServed() throws IOException {
        Object there;
        try {
            there = Files.getAttribute(directory, FILE_SYSTEM);
        } catch (IOException unanswered) {
            throw new IOException("'" + directory + "' does not answer.", unanswered);
        }
        if (!there.equals(fileSystem)) {
            throw new IOException("'" + directory + "' is not mounted any more.");
        }
    }

    @Override
    public void close() {
        synchronized (lock) {
            if (wakeup >= 0) {
                Linux.close(wakeup);
                wakeup = -1;
            }
        }
        watches.forEach(watch -> Linux.close(watch.descriptor()));
        watches.clear();
    }
}
