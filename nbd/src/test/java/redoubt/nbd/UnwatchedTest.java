package redoubt.nbd;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Goal: who is not watched is served all the same. When the system has no memory for a watch, Java does not say so, and a client stood still for as long as a
 * famine lasted. Method: all watches of this process on sockets are taken away, as often as there are requests.
 */
@Tag("slow")
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class UnwatchedTest {

    private static final int ROUNDS = 12;
    private static final int EPOLL_CTL_DEL = 2;
    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    @Test
    void whoIsNotWatchedIsServedAllTheSame() throws Throwable {
        try (ServedDevice served = new ServedDevice(new MemoryExport(1 << 20));
                RawClient one = RawClient.simple(served.socket);
                RawClient other = RawClient.structured(served.socket)) {
            int forgotten = 0;
            for (int round = 0; round < ROUNDS; round++) {
                if (round % 3 == 0) {
                    Await.that(
                            "the sessions rest with the door",
                            () -> served.server.status().busy() == 0);
                }
                forgotten += forgetWatches();
                assertThat(one.read(4096L * round, 4096)).hasSize(4096);
                assertThat(other.read(4096L * round, 4096)).hasSize(4096);
            }
            assertThat(forgotten).as("watches that were there").isGreaterThan(ROUNDS);
        }
    }

    @SuppressWarnings("restricted") // tests are given native access
    private static int forgetWatches() throws Throwable {
        Linker linker = Linker.nativeLinker();
        MethodHandle control = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("epoll_ctl"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
        int forgotten = 0;
        for (Path descriptor : descriptors()) {
            if (!linkOf(descriptor).equals("anon_inode:[eventpoll]")) {
                continue;
            }
            int poll = Integer.parseInt(descriptor.getFileName().toString());
            for (String line : Files.readAllLines(Path.of("/proc/self/fdinfo/" + poll))) {
                // tfd:       12 events:       19 data:               1a pos:0 ino:3d5 sdev:8
                String[] words = line.trim().split("\\s+", 0);
                if (words[0].equals("tfd:")
                        && linkOf(DESCRIPTORS.resolve(words[1])).startsWith("socket:")) {
                    int refused = (int)
                            control.invokeExact(poll, EPOLL_CTL_DEL, Integer.parseInt(words[1]), MemorySegment.NULL);
                    forgotten += refused == 0 ? 1 : 0;
                }
            }
        }
        return forgotten;
    }

    private static List<Path> descriptors() throws IOException {
        try (Stream<Path> all = Files.list(DESCRIPTORS)) {
            return all.toList();
        }
    }

    private static String linkOf(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (IOException gone) {
            return "";
        }
    }
}
