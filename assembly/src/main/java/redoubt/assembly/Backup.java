package redoubt.assembly;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import redoubt.base.Extent;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.ReadFailed;

/**
 * What stood on a disk before it was overwritten: its beginning, and where metadata stands. Data in between is not in it.
 *
 * <pre>
 * as a file, numbers big-endian:
 *   0: "redoubt-backup 1\n" (17)   then   time, seconds since 1970 (8)   size of the disk (8)   path: length (2), UTF-8
 *   number of pieces (4), for each: offset (8), length (4), bytes
 *   SHA-256 of all before it (32)
 * </pre>
 *
 * @param epochSeconds when it was made
 * @param sizeBytes size of the disk
 * @param location where the disk was
 * @param pieces what stood there
 */
public record Backup(long epochSeconds, long sizeBytes, String location, List<Piece> pieces) {

    /** Bytes of a disk. */
    @SuppressWarnings("ArrayRecordComponent") // copied on the way in and out of this package
    record Piece(long offset, byte[] bytes) {}

    /** Who keeps what is about to be overwritten. */
    @FunctionalInterface
    public interface Before {
        /** Makes the backup durable. */
        void keep(Backup now) throws IOException;
    }

    private static final byte[] MAGIC = "redoubt-backup 1\n".getBytes(StandardCharsets.US_ASCII);
    private static final int DIGEST_BYTES = 32;
    private static final int BEGINNING_BYTES = 64 << 10;
    private static final int PIECE_LIMIT_BYTES = 1 << 20;
    private static final int PIECES_LIMIT = 16;

    /** Takes an unchangeable copy. */
    public Backup {
        pieces = List.copyOf(pieces);
    }

    static Backup of(OpenDisk open, MetadataFormat format, DiskGeometry geometry, long epochSeconds)
            throws AssemblyRefused {
        int block = open.device().limits().blockBytes();
        long size = open.device().limits().sizeBytes();
        List<Extent> places = new ArrayList<>();
        places.add(new Extent(0, Math.min(BEGINNING_BYTES, size / block * block)));
        places.addAll(format.usualPlaces(geometry));
        List<Piece> pieces = new ArrayList<>();
        try {
            for (Extent place : places) {
                pieces.add(new Piece(place.offset(), open.reads().read(place.offset(), (int) place.length())));
            }
        } catch (ReadFailed failed) {
            throw new AssemblyRefused(AssemblyRefused.Reason.IO_ERROR, String.valueOf(failed.getMessage()));
        }
        String location = DiskSet.pathOf(open.disk())
                .map(path -> path.toAbsolutePath().normalize().toString())
                .orElseGet(open::name);
        return new Backup(epochSeconds, size, location, pieces);
    }

    /** As a file. */
    public byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.write(MAGIC);
            out.writeLong(epochSeconds);
            out.writeLong(sizeBytes);
            byte[] path = location.getBytes(StandardCharsets.UTF_8);
            out.writeShort(path.length);
            out.write(path);
            out.writeInt(pieces.size());
            for (Piece piece : pieces) {
                out.writeLong(piece.offset());
                out.writeInt(piece.bytes().length);
                out.write(piece.bytes());
            }
            out.flush();
            out.write(digest(bytes.toByteArray()));
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
        return bytes.toByteArray();
    }

    /**
     * Reads a file.
     *
     * @throws AssemblyRefused if it is no backup, or not whole
     */
    public static Backup ofBytes(byte[] file, String name) throws AssemblyRefused {
        int content = file.length - DIGEST_BYTES;
        if (content < MAGIC.length
                || !Arrays.equals(file, 0, MAGIC.length, MAGIC, 0, MAGIC.length)
                || !MessageDigest.isEqual(
                        digest(Arrays.copyOf(file, content)), Arrays.copyOfRange(file, content, file.length))) {
            throw notOne(name);
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(file, MAGIC.length, content))) {
            long time = in.readLong();
            long size = in.readLong();
            byte[] path = in.readNBytes(in.readUnsignedShort());
            int count = in.readInt();
            if (count < 0 || count > PIECES_LIMIT) {
                throw notOne(name);
            }
            List<Piece> pieces = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                long offset = in.readLong();
                int length = in.readInt();
                if (offset < 0 || length < 0 || length > PIECE_LIMIT_BYTES || offset > size - length) {
                    throw notOne(name);
                }
                pieces.add(new Piece(offset, in.readNBytes(length)));
            }
            return new Backup(time, size, new String(path, StandardCharsets.UTF_8), pieces);
        } catch (IOException short_) {
            throw notOne(name);
        }
    }

    private static AssemblyRefused notOne(String name) {
        return new AssemblyRefused(
                AssemblyRefused.Reason.NO_ARRAY, "'%s' is no backup of Redoubt's, or it is damaged".formatted(name));
    }

    private static byte[] digest(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /**
     * Puts back what stood on the disk.
     *
     * @param before is given what stands there now, before it is overwritten
     * @throws IOException what {@code before} threw; nothing was written then
     * @throws AssemblyRefused if it is another size than then, in use, or cannot be written
     */
    public void restore(Disk disk, MetadataFormat format, DiskOpener opener, long timeoutNanos, long now, Before before)
            throws AssemblyRefused, IOException {
        try (DiskSet set =
                DiskSet.open(List.of(disk), Access.WRITE, timeoutNanos, opener, new SerialSources(Path.of("/sys")))) {
            OpenDisk open = set.disks().getFirst();
            if (open.device().limits().sizeBytes() != sizeBytes) {
                throw new AssemblyRefused(
                        AssemblyRefused.Reason.WOULD_LOSE_DATA,
                        "the backup is of a disk of %d bytes, and %s has %d: it is another disk"
                                .formatted(
                                        sizeBytes,
                                        open.name(),
                                        open.device().limits().sizeBytes()));
            }
            DiskGeometry geometry = open.geometry()
                    .orElseThrow(() -> new AssemblyRefused(
                            AssemblyRefused.Reason.NO_ARRAY, open.name() + " has blocks of an unknown size"));
            before.keep(of(open, format, geometry, now));
            for (Piece piece : pieces) {
                open.reads().write(piece.offset(), piece.bytes());
            }
            open.reads().flush();
        } catch (ReadFailed failed) {
            throw new AssemblyRefused(AssemblyRefused.Reason.IO_ERROR, String.valueOf(failed.getMessage()));
        }
    }
}
