package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.EnumSet;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.assembly.DiskOpener;
import redoubt.assembly.FileDisks;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.DiskRefused;
import redoubt.block.FileOptions;
import redoubt.block.IoMemory;
import redoubt.block.IoRequest;
import redoubt.metadata.RaidLevel;

/** A rehearsal on systems where not all of it can be had, and what it leaves behind: nothing. */
class RehearsalTest {

    private static final long SHORT_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    @TempDir
    Path folder;

    private Optional<String> play(Engine engine, IoMemory memory, boolean pastTheCache) throws Rehearsal.Failed {
        return Rehearsal.play(engine.heartbeat(), memory, EnumSet.of(RaidLevel.RAID1), SHORT_NANOS, folder, options -> {
            DiskOpener files = new FileDisks(engine.heartbeat(), options);
            return (disk, access, limit) -> {
                if (!pastTheCache && options.caching() == FileOptions.Caching.DIRECT) {
                    throw new DiskRefused(DiskRefused.Reason.FAILED, folder, "no O_DIRECT here");
                }
                return files.open(disk, access, limit);
            };
        });
    }

    /** As before Linux 6.6, where a file in memory cannot be opened past the page cache: members that are reached so were not rehearsed. */
    @Test
    void whereFilesInMemoryAreNotReachedLikeDisksThatIsSaid() throws Exception {
        try (Engine engine = new Engine();
                IoMemory memory = DataMemory.forServing()) {
            Optional<String> noRing = play(engine, memory, false);
            assertThat(noRing).hasValueSatisfying(why -> assertThat(why).contains("no O_DIRECT here"));
            assertThat(Precautions.notPlayed(true, noRing))
                    .hasValueSatisfying(why -> assertThat(why).contains("io_uring, which was not rehearsed"));
            assertThat(Precautions.notPlayed(false, noRing)).isEmpty();
            assertThat(Precautions.notPlayed(true, Optional.empty())).isEmpty();
            assertThat(memory.free()).isEqualTo(memory.total());
        }
        assertThat(left()).containsExactly(folder);
    }

    /** One that was killed holds memory: its files are in it. One that still plays is let be. */
    @Test
    void whatAKilledRehearsalLeftIsTakenAwayByTheNext() throws Exception {
        Path killed = Files.createDirectory(folder.resolve("redoubt-rehearsal-1"));
        Files.createFile(killed.resolve("held"));
        Files.createFile(killed.resolve("raid1-0"));
        Path playing = Files.createDirectory(folder.resolve("redoubt-rehearsal-2"));
        Path held = playing.resolve("held");
        try (FileChannel channel = FileChannel.open(held, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                FileLock lock = channel.lock();
                Engine engine = new Engine();
                IoMemory memory = DataMemory.forServing()) {
            assertThat(lock.isValid()).isTrue();
            assertThatThrownBy(() -> Rehearsal.play(
                            engine.heartbeat(),
                            memory,
                            EnumSet.of(RaidLevel.RAID1),
                            SHORT_NANOS,
                            folder,
                            options -> (disk, access, limit) -> {
                                throw new DiskRefused(DiskRefused.Reason.FAILED, folder, "no disk opens here");
                            }))
                    .isInstanceOf(Rehearsal.Failed.class)
                    .hasMessageContaining("no disk opens here");
        }
        assertThat(left()).containsExactlyInAnyOrder(folder, playing, held);
    }

    private Stream<Path> left() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.toList().stream();
        }
    }

    @Test
    void aServerThatSaysNothingIsNotWaitedForForEver() throws IOException {
        Path socket = folder.resolve("s");
        try (ServerSocketChannel silent = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            silent.bind(UnixDomainSocketAddress.of(socket), 1);
            assertThatThrownBy(() -> new NbdExchange(socket, "v", SHORT_NANOS).close())
                    .isInstanceOf(SocketTimeoutException.class);
        }
    }

    @Test
    void aDeviceThatDoesNotAnswerIsNotWaitedForForEver() {
        BlockDevice silent = new BlockDevice() {
            @Override
            public BlockLimits limits() {
                return new BlockLimits(16 << 20, 512, 4096, 1 << 20, false, true, true, false);
            }

            @Override
            public void submit(IoRequest request) {
                assertThat(request).isNotNull();
            }

            @Override
            public void close() {}
        };
        try (IoMemory memory = DataMemory.forServing();
                RehearsalLoad load = new RehearsalLoad(silent, memory, SHORT_NANOS)) {
            assertThatThrownBy(load::everything).isInstanceOf(IOException.class).hasMessageContaining("not answered");
        }
    }
}
