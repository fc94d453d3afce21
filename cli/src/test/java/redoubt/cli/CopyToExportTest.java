package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;

/** {@code copy} into an NBD export: what arrives there, what is refused before the first byte, and what is said when it breaks off. */
class CopyToExportTest {

    private static final long SEED = 20231114;
    private static final int DISK_BYTES = 24 << 20;

    /** Where the array holds something; zeroes before, between and behind. */
    private static final int[] DATA_AT = {1 << 20, (3 << 20) + 4096, 9 << 20};

    private static final int DATA_BYTES = (1 << 20) + 512;

    @TempDir
    Path folder;

    private String[] disks;
    private byte[] content;

    /** An export that counts, and breaks where it is told to. */
    private static final class Watched implements BlockDevice {
        private final BlockDevice device;
        private final BlockLimits limits;
        private final AtomicLong written = new AtomicLong();
        private final AtomicLong zeroed = new AtomicLong();
        private final AtomicLong flushes = new AtomicLong();
        private boolean saysZero;
        private IoOperation breaks = IoOperation.TRIM;
        private IoStatus with = IoStatus.OK;
        private long writeNanos;

        Watched(long size, int blockBytes, boolean readOnly) {
            device = new MemoryDevice(size, blockBytes);
            limits = new BlockLimits(size, blockBytes, 4096, 1 << 18, readOnly, true, true, false);
        }

        @Override
        public BlockLimits limits() {
            return limits;
        }

        @Override
        public void submit(IoRequest request) {
            switch (request.operation()) {
                case WRITE -> written.addAndGet(request.length());
                case WRITE_ZEROES -> zeroed.addAndGet(request.length());
                case FLUSH -> flushes.incrementAndGet();
                case READ, TRIM, ALLOCATION -> {}
            }
            long until = System.nanoTime() + (request.operation() == IoOperation.WRITE ? writeNanos : 0);
            while (System.nanoTime() < until) {
                LockSupport.parkNanos(this, until - System.nanoTime());
            }
            if (request.operation() == breaks) {
                request.complete(with);
            } else if (request.operation() == IoOperation.ALLOCATION && saysZero) {
                MemorySegment answer = request.buffer().segment();
                answer.set(ValueLayout.JAVA_LONG, request.buffer().position(), request.length());
                answer.set(ValueLayout.JAVA_LONG, request.buffer().position() + 8L, IoRequest.ALLOCATION_ZERO);
                request.result = 1;
                request.complete(IoStatus.OK);
            } else {
                device.submit(request);
            }
        }

        @Override
        public void close() {
            device.close();
        }
    }

    /** Serves an export while something is done. */
    private final class Served implements AutoCloseable {
        private final Path socket = folder.resolve("n");
        private final NbdServer server;

        Served(BlockDevice device) throws IOException {
            NbdExports exports = new NbdExports();
            exports.add("new disk", device, "");
            server = new NbdServer(exports, DataMemory.forServing(), NbdLimits.standard());
            server.listenUnix(socket);
        }

        String uri() {
            return "nbd+unix:///new%20disk?socket=" + socket;
        }

        byte[] content(int length) throws IOException {
            try (NbdExchange client = new NbdExchange(socket, "new disk")) {
                return client.read(0, length);
            }
        }

        @Override
        public void close() {
            server.close();
        }
    }

    @BeforeEach
    void makeAnArray() throws IOException {
        disks = new String[2];
        SplittableRandom random = new SplittableRandom(SEED);
        byte[] data = new byte[DATA_BYTES];
        for (int i = 0; i < 2; i++) {
            Path path = folder.resolve("disk" + i);
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(DISK_BYTES);
            }
            disks[i] = path + ",serial=S" + i;
        }
        assertThat(run("create", "v", "--metadata", "imsm", "--level", "1", disks[0], disks[1])
                        .exit())
                .isZero();
        for (int at : DATA_AT) {
            random.nextBytes(data);
            for (int i = 0; i < 2; i++) {
                try (RandomAccessFile file =
                        new RandomAccessFile(folder.resolve("disk" + i).toFile(), "rw")) {
                    file.seek(at);
                    file.write(data);
                }
            }
        }
        Path copy = folder.resolve("copy");
        assertThat(run("copy", disks[0], disks[1], copy.toString()).exit()).isZero();
        content = Files.readAllBytes(copy);
        assertThat(Arrays.copyOfRange(content, DATA_AT[2], DATA_AT[2] + DATA_BYTES))
                .isEqualTo(data);
    }

    private Run run(String... words) {
        return Run.of(folder, words);
    }

    private Run copyTo(String... words) {
        String[] all = new String[words.length + 3];
        all[0] = "copy";
        System.arraycopy(words, 0, all, 1, words.length - 1);
        all[words.length] = disks[0];
        all[words.length + 1] = disks[1];
        all[words.length + 2] = words[words.length - 1];
        return run(all);
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void whatTheArrayHoldsArrivesAndIsFlushed(int blockBytes) throws IOException {
        Watched export = new Watched(DISK_BYTES, blockBytes, false);
        try (Served served = new Served(export)) {
            Run copy = copyTo("--overwrite", served.uri());
            assertThat(copy.err()).contains("copied v: " + content.length + " bytes");
            assertThat(copy.exit()).isZero();
            assertThat(copy.out()).isEmpty();
            assertThat(served.content(content.length)).isEqualTo(content);
        }
        assertThat(export.flushes).hasValue(1);
        assertThat(export.written.get()).isBetween(3L * DATA_BYTES, 3L * DATA_BYTES + 9 * 65536);
        assertThat(export.zeroed).hasValue(content.length - export.written.get());
    }

    @Test
    void whatAnExportHeldBeforeIsGone() throws IOException {
        Watched export = new Watched(DISK_BYTES, 512, false);
        try (Served served = new Served(export)) {
            try (NbdExchange client = new NbdExchange(served.socket, "new disk")) {
                byte[] old = new byte[1 << 20];
                Arrays.fill(old, (byte) 7);
                for (int at = 0; at < 16 << 20; at += old.length) {
                    client.write(at, old);
                }
            }
            assertThat(copyTo("--overwrite", served.uri()).exit()).isZero();
            assertThat(served.content(content.length)).isEqualTo(content);
        }
    }

    @Test
    void onAnExportThatIsAllZeroesNoZeroIsWritten() throws IOException {
        Watched export = new Watched(DISK_BYTES, 512, false);
        export.saysZero = true;
        try (Served served = new Served(export)) {
            assertThat(copyTo(served.uri()).exit()).isZero();
            assertThat(served.content(content.length)).isEqualTo(content);
        }
        assertThat(export.zeroed).hasValue(0);
        assertThat(export.flushes).hasValue(1);
    }

    /** Goal: a person sees how far a copy has come, and nothing of that is left. Method: an export that takes its time. */
    @Test
    void onATerminalABarMovesAndGoes() throws IOException {
        byte[] data = new byte[16 << 20]; // more than a copy has under way at once
        new SplittableRandom(SEED + 1).nextBytes(data);
        for (int i = 0; i < 2; i++) {
            try (RandomAccessFile file =
                    new RandomAccessFile(folder.resolve("disk" + i).toFile(), "rw")) {
                file.write(data);
            }
        }
        Watched slow = new Watched(DISK_BYTES, 512, false);
        slow.writeNanos = 30_000_000L;
        try (Served served = new Served(slow)) {
            Run copy = Run.watched(folder, "copy", "--overwrite", disks[0], disks[1], served.uri());
            assertThat(copy.exit()).as(copy.err()).isZero();
            assertThat(copy.err())
                    .containsPattern("\rcopying v \\[=*> *\\] +\\d+%  \\S+ \\S+/s  \\d+:\\d\\d left")
                    .containsPattern("\r +\rredoubt: copied v: ");
        }
        Watched quick = new Watched(DISK_BYTES, 512, false);
        try (Served served = new Served(quick)) {
            assertThat(copyTo("--overwrite", served.uri()).err()).doesNotContain("\r");
        }
    }

    @Test
    void anExportThatMayHoldSomethingIsNotWrittenOver() throws IOException {
        Watched export = new Watched(DISK_BYTES, 512, false);
        try (Served served = new Served(export)) {
            isRefused(copyTo(served.uri()), 77, "may hold something already; insist with --overwrite");
        }
        assertThat(export.written).hasValue(0);
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeTheFirstByte() throws IOException {
        Watched small = new Watched(content.length - 512, 512, false);
        try (Served served = new Served(small)) {
            isRefused(
                    copyTo("--overwrite", served.uri()),
                    64,
                    "is too small: it has %d bytes, and the array %d".formatted(content.length - 512, content.length));
        }
        assertThat(small.written).hasValue(0);
        try (Served served = new Served(new Watched(DISK_BYTES, 512, true))) {
            isRefused(copyTo("--overwrite", served.uri()), 64, "is read-only");
        }
    }

    @Test
    void whatBreaksOffSaysWhereAndWhy() throws IOException {
        Watched full = new Watched(DISK_BYTES, 512, false);
        full.breaks = IoOperation.WRITE;
        full.with = IoStatus.NO_SPACE;
        try (Served served = new Served(full)) {
            isRefused(
                    copyTo("--overwrite", served.uri()), 74, "cannot be written at byte 1048576: it has no room left");
        }
        Watched unflushed = new Watched(DISK_BYTES, 512, false);
        unflushed.breaks = IoOperation.FLUSH;
        unflushed.with = IoStatus.IO_ERROR;
        try (Served served = new Served(unflushed)) {
            isRefused(copyTo("--overwrite", served.uri()), 74, "cannot be flushed: its server could not do it");
        }
    }

    @Test
    void whatIsNoUsableExportIsRefusedInWords() throws IOException {
        isRefused(copyTo("nbds://localhost/"), 64, "TLS");
        isRefused(copyTo("nbd+unix:///"), 64, "names no socket");
        isRefused(copyTo("nbd+unix:///?socket=" + folder.resolve("nobody")), 74, "cannot use nbd+unix:///");
        isRefused(copyTo("nbd://127.0.0.1:1/"), 74, "cannot use nbd://127.0.0.1:1/");
        try (Served served = new Served(new Watched(DISK_BYTES, 512, false))) {
            isRefused(run("copy", served.uri(), disks[1], served.uri()), 64, "is one of the disks that are read");
        }
    }

    private static void isRefused(Run run, int exit, String words) {
        assertThat(run.err()).contains(words);
        assertThat(run.exit()).isEqualTo(exit);
        assertThat(run.err()).doesNotContain("copied v", "\tat ");
    }
}
