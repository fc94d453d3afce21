package redoubt.assembly;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import redoubt.block.BlockDevice;
import redoubt.block.DiskRefused;
import redoubt.block.IoMemory;

/**
 * The disks that a user gave, open. All are opened, or none stays open. Closing gives back locks and threads; a disk that hangs is left
 * behind, as its lane does.
 */
final class DiskSet implements AutoCloseable {

    private static final long GRACE_NANOS = 1_000_000_000L;

    private final List<OpenDisk> disks;

    private DiskSet(List<OpenDisk> disks) {
        this.disks = List.copyOf(disks);
    }

    /**
     * Opens the disks.
     *
     * @throws AssemblyRefused with one sentence about the first that cannot be had, or about two that are the same
     */
    static DiskSet open(List<Disk> wanted, Access access, long timeoutNanos, DiskOpener opener, SerialSources serials)
            throws AssemblyRefused {
        if (wanted.isEmpty()) {
            throw new AssemblyRefused(AssemblyRefused.Reason.USAGE, "no disk is named; write at least one DISK");
        }
        refuseTheSameTwice(wanted);
        List<OpenDisk> opened = new ArrayList<>();
        IoMemory memory = new IoMemory(new IoMemory.Cut(DiskReads.PIECE_BYTES, wanted.size() + 1, 0));
        boolean all = false;
        try {
            for (Disk disk : wanted) {
                BlockDevice device = opener.open(disk, access, timeoutNanos);
                long limit = timeoutNanos == 0 ? Long.MAX_VALUE : timeoutNanos + GRACE_NANOS;
                DiskReads reads = new DiskReads(disk.location(), device, memory, limit);
                opened.add(identified(
                        new OpenDisk(opened.size(), disk, device, reads, disk.serial(), KnownSerial.Origin.GIVEN),
                        serials));
            }
            all = true;
            return new DiskSet(opened);
        } catch (DiskRefused refused) {
            throw new AssemblyRefused(reason(refused.reason()), String.valueOf(refused.getMessage()));
        } finally {
            if (!all) {
                opened.forEach(disk -> disk.device().close());
            }
        }
    }

    private static AssemblyRefused.Reason reason(DiskRefused.Reason why) {
        return switch (why) {
            case IN_USE -> AssemblyRefused.Reason.WOULD_LOSE_DATA;
            case ABSENT, NOT_A_DISK, FORBIDDEN, FAILED -> AssemblyRefused.Reason.IO_ERROR;
        };
    }

    private static OpenDisk identified(OpenDisk open, SerialSources serials) {
        if (open.reported().isPresent() || open.disk().isUri()) {
            return open;
        }
        Path path = Path.of(open.disk().location());
        boolean file = Files.isRegularFile(path);
        Optional<String> reported = file ? SerialSources.ofFile(path) : serials.ofDevice(path);
        KnownSerial.Origin origin = file ? KnownSerial.Origin.ATTRIBUTE : KnownSerial.Origin.DEVICE;
        return new OpenDisk(open.number(), open.disk(), open.device(), open.reads(), reported, origin);
    }

    /** Two names of one disk would make it its own mirror. */
    private static void refuseTheSameTwice(List<Disk> wanted) throws AssemblyRefused {
        Map<Object, Disk> seen = new HashMap<>();
        for (Disk disk : wanted) {
            Object key = identityOf(disk);
            Disk before = seen.put(key, disk);
            if (before != null) {
                throw new AssemblyRefused(
                        AssemblyRefused.Reason.USAGE,
                        "%s and %s are the same disk; name it once".formatted(before.location(), disk.location()));
            }
        }
    }

    private static Object identityOf(Disk disk) {
        if (disk.isUri()) {
            return disk.location();
        }
        try {
            Path path = Path.of(disk.location());
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            if (attributes.isOther()) {
                return "device " + Files.getAttribute(path, "unix:rdev");
            }
            Object key = attributes.fileKey();
            return key == null ? path.toRealPath() : key;
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException notThere) {
            return disk.location(); // opening it will say what is wrong
        }
    }

    /** The path of a disk that is no URI. */
    static Optional<Path> pathOf(Disk disk) {
        try {
            return disk.isUri() ? Optional.empty() : Optional.of(Path.of(disk.location()));
        } catch (InvalidPathException noPath) {
            return Optional.empty();
        }
    }

    List<OpenDisk> disks() {
        return disks;
    }

    @Override
    public void close() {
        disks.forEach(disk -> disk.device().close());
    }
}
