package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.IoMemory;
import redoubt.md.Array;
import redoubt.metadata.ReadFailed;

/** An assembly on real files, for tests: assembles, reads whole volumes, and forgets nothing that was complained of. */
final class Rig implements AutoCloseable {

    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final long STOP_NANOS = 10_000_000_000L;

    final ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000_000L);
    final IoMemory memory =
            new IoMemory(new IoMemory.Cut(64 << 10, 64, 0), new IoMemory.Cut(DiskReads.PIECE_BYTES, 8, 1));
    final List<String> complaints = new ArrayList<>();
    final Assembly assembly;

    Rig() {
        assembly = new Assembly(heartbeat, WorkerFactory.threads(), new FileDisks(heartbeat));
    }

    /** The SHA-256 of a volume, read through the array. */
    String digest(List<Disk> disks, String volume, Insistence... insisted) throws AssemblyRefused {
        AssemblyOptions options =
                AssemblyOptions.READ_ONLY.forArrays(java.util.Set.of(volume)).insisting(java.util.Set.of(insisted));
        try (AssembledContainer container = assembly.assemble(disks, Access.LOOK, options, memory, complaints::add)) {
            container.start(PATIENCE_NANOS);
            String digest = digest(container.volume(volume).orElseThrow().array());
            container.stop(STOP_NANOS);
            return digest;
        }
    }

    /** What is done to an array that may be written. */
    interface Writing {
        void on(DiskReads array) throws Exception;
    }

    /** Starts the volume named v to be written, lets it be written, and stops it in good order. */
    void write(List<Disk> disks, Writing writing, Insistence... insisted) throws Exception {
        AssemblyOptions options = AssemblyOptions.WRITABLE.insisting(java.util.Set.of(insisted));
        try (AssembledContainer container = assembly.assemble(disks, Access.WRITE, options, memory, complaints::add)) {
            container.start(PATIENCE_NANOS);
            writing.on(new DiskReads("v", container.volume("v").orElseThrow().array(), memory, PATIENCE_NANOS));
            assertThat(container.stop(STOP_NANOS)).isTrue();
        }
        assertThat(complaints).isEmpty();
    }

    /** Writes a file into an array, from a place on. */
    static void copy(Path image, DiskReads array, long to) throws Exception {
        try (InputStream in = Files.newInputStream(image)) {
            byte[] piece = in.readNBytes(DiskReads.PIECE_BYTES);
            for (long at = to; piece.length > 0; at += piece.length, piece = in.readNBytes(DiskReads.PIECE_BYTES)) {
                array.write(at, piece);
            }
        }
    }

    /** The SHA-256 of an array's whole content. */
    String digest(Array array) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            DiskReads reads = new DiskReads("the array", array, memory, PATIENCE_NANOS);
            long size = array.limits().sizeBytes();
            byte[] whole = new byte[DiskReads.PIECE_BYTES];
            for (long at = 0; at < size; at += whole.length) {
                byte[] piece = size - at < whole.length ? new byte[(int) (size - at)] : whole;
                reads.read(at, piece);
                digest.update(piece);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException | ReadFailed unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    @Override
    public void close() {
        heartbeat.close();
        memory.close();
    }
}
