package redoubt.assembly;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.Objection;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;

/**
 * A volume that is about to be made. Opening one opens and locks the disks, looks at what is on them and plans; nothing is written before
 * {@link #write}. Disks that already form one whole container get a further volume in it; others become a new container.
 *
 * <p>Redundancy is made, unless the user says that the disks agree already, by writing zeroes to the new volume's part of every disk: then
 * mirrors agree, and the parity of zeroes is zero. For one control thread, which waits.
 */
public final class Creation implements AutoCloseable {

    /**
     * What the user wants.
     *
     * @param name name of the volume
     * @param chunkBytes empty for the format's default
     * @param memberBytes how much of each disk, or empty for all there is
     * @param assumeClean whether the disks are taken to agree already
     * @param newContainer whether a container that the disks form is forgotten
     */
    public record Wish(
            String name,
            RaidLevel level,
            OptionalInt chunkBytes,
            OptionalLong memberBytes,
            boolean assumeClean,
            boolean newContainer) {}

    /**
     * A disk and the serial by which the container will know it.
     *
     * @param kept whether the serial stays with the disk by itself; if not, it has to be given each time
     */
    public record KnownDisk(Disk disk, String serial, boolean kept) {}

    private static final long ZERO_PIECE_BYTES = 64L << 20;
    private static final int LOOK_BYTES = 64 << 10;
    private static final String SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    private final DiskSet set;
    private final MetadataFormat format;
    private final Wish wish;
    private final long limitNanos;
    private final List<DiskGeometry> geometries = new ArrayList<>();
    private final List<String> serials = new ArrayList<>();
    private final List<Boolean> generated = new ArrayList<>();
    private final List<Boolean> filled = new ArrayList<>();
    private Optional<ContainerMetadata> before = Optional.empty();
    private ContainerMetadata after;

    private Creation(DiskSet set, MetadataFormat format, Wish wish, long limitNanos, RandomGenerator random, long now)
            throws AssemblyRefused {
        this.set = set;
        this.format = format;
        this.wish = wish;
        this.limitNanos = limitNanos;
        try {
            Scan scan = Scan.of(set, List.of(format));
            look(scan, random);
            if (!wish.newContainer()) {
                before = wholeContainer(scan);
                before.ifPresent(this::takeSerials);
            }
            after = plan(random, now);
        } catch (MetadataRefused refused) {
            throw new AssemblyRefused(AssemblyRefused.Reason.USAGE, refused.sentence());
        } catch (ReadFailed failed) {
            throw new AssemblyRefused(AssemblyRefused.Reason.IO_ERROR, String.valueOf(failed.getMessage()));
        }
    }

    /**
     * Opens the disks and plans.
     *
     * @param random where serials and family numbers come from
     * @param epochSeconds time of day
     * @throws AssemblyRefused if it cannot be done so; everything is closed again
     */
    public static Creation open(
            List<Disk> disks,
            Wish wish,
            MetadataFormat format,
            DiskOpener opener,
            long timeoutNanos,
            RandomGenerator random,
            long epochSeconds)
            throws AssemblyRefused {
        DiskSet set = DiskSet.open(disks, Access.WRITE, timeoutNanos, opener, new SerialSources(Path.of("/sys")));
        boolean planned = false;
        try {
            Creation creation = new Creation(set, format, wish, timeoutNanos, random, epochSeconds);
            planned = true;
            return creation;
        } finally {
            if (!planned) {
                set.close();
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- looking

    private void look(Scan scan, RandomGenerator random) throws AssemblyRefused, ReadFailed {
        Set<String> taken = new HashSet<>();
        for (OpenDisk open : set.disks()) {
            ScannedDisk scanned = scan.disks().get(open.number());
            DiskGeometry geometry = scanned.geometry()
                    .or(open::geometry)
                    .orElseThrow(() -> new AssemblyRefused(
                            AssemblyRefused.Reason.NO_ARRAY,
                            "%s has blocks of %d bytes, and no metadata can be on it"
                                    .formatted(
                                            open.name(), open.device().limits().blockBytes())));
            geometries.add(wish.newContainer() ? open.geometry().orElse(geometry) : geometry);
            String serial = open.reported().map(format::normalSerial).orElse("");
            generated.add(serial.isEmpty());
            while (serial.isEmpty() || (generated.getLast() && taken.contains(serial))) {
                serial = freshSerial(random);
            }
            if (!taken.add(serial)) {
                throw new AssemblyRefused(
                        AssemblyRefused.Reason.USAGE,
                        "two disks have the serial '%s'; give each its own with ,serial=".formatted(serial));
            }
            serials.add(serial);
            filled.add(scanned.format().isPresent() || holdsSomething(open));
        }
    }

    /** Whether the beginning or the end of a disk is anything but zeroes: where partition tables, file systems and metadata are. */
    private static boolean holdsSomething(OpenDisk open) throws ReadFailed {
        for (Extent place : edges(open)) {
            byte[] bytes = open.reads().read(place.offset(), (int) place.length());
            for (byte b : bytes) {
                if (b != 0) {
                    return true;
                }
            }
        }
        return false;
    }

    private static List<Extent> edges(OpenDisk open) {
        int block = open.device().limits().blockBytes();
        long size = open.device().limits().sizeBytes() / block * block;
        long length = Math.min(LOOK_BYTES, size);
        return List.of(new Extent(0, length), new Extent(size - length, length));
    }

    private static String freshSerial(RandomGenerator random) {
        StringBuilder serial = new StringBuilder("RD-");
        for (int i = 0; i < 10; i++) {
            serial.append(SERIAL_LETTERS.charAt(random.nextInt(SERIAL_LETTERS.length())));
        }
        return serial.toString();
    }

    /** The container that the disks form, if they are all of one. */
    private static Optional<ContainerMetadata> wholeContainer(Scan scan) throws AssemblyRefused {
        if (scan.containers().size() != 1) {
            return Optional.empty();
        }
        FoundContainer found = scan.containers().getFirst();
        if (found.metadata().isEmpty() || found.disks().size() != scan.disks().size()) {
            return Optional.empty();
        }
        boolean placed = scan.disks().stream()
                .allMatch(disk -> disk.role() == ScannedDisk.Role.MEMBER || disk.role() == ScannedDisk.Role.SPARE);
        List<DiskEntry> entries = found.metadata().get().picture().disks();
        boolean whole = entries.stream().allMatch(entry -> entry.disk().isPresent());
        if (!placed || !whole) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.WOULD_LOSE_DATA,
                    "the disks carry a container that is not whole here; 'redoubt scan' says what is missing; to forget it insist with --new-container");
        }
        return found.metadata();
    }

    /** In a container that is there already each disk has its serial. */
    private void takeSerials(ContainerMetadata container) {
        for (DiskEntry entry : container.picture().disks()) {
            entry.disk().ifPresent(number -> serials.set(number, entry.identity()));
        }
    }

    // ---------------------------------------------------------------------------------------------- planning

    private ContainerMetadata plan(RandomGenerator random, long now) throws MetadataRefused, AssemblyRefused {
        ContainerMetadata container;
        if (before.isPresent()) {
            container = before.get();
        } else {
            List<NewDisk> disks = new ArrayList<>();
            for (OpenDisk open : set.disks()) {
                disks.add(new NewDisk(open.number(), geometries.get(open.number()), serials.get(open.number()), 0));
            }
            container = format.create(disks);
        }
        VolumePlan plan = new VolumePlan(
                wish.name(),
                wish.level(),
                wish.chunkBytes(),
                wish.memberBytes().isPresent()
                        ? OptionalLong.of(Sectors.ofBytes(wish.memberBytes().getAsLong()))
                        : OptionalLong.empty(),
                set.disks().stream().map(open -> OptionalInt.of(open.number())).toList(),
                ConsistencyPolicy.NONE,
                true);
        List<Objection> objections = format.objections(container, plan);
        if (!objections.isEmpty()) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.USAGE, objections.getFirst().sentence());
        }
        return format.addVolume(container, plan, new MetadataEvent.Seeds(random.nextInt(), Optional.of(now)));
    }

    /** The volume as it will be. */
    public VolumePicture volume() {
        return after.picture().volumes().getLast();
    }

    /** The other volumes of the container, which stay. */
    public List<VolumePicture> neighbours() {
        List<VolumePicture> volumes = after.picture().volumes();
        return volumes.subList(0, volumes.size() - 1);
    }

    /** The disks that are not empty, in the order in which they were given. */
    public List<Disk> filled() {
        return set.disks().stream()
                .filter(open -> filled.get(open.number()))
                .map(OpenDisk::disk)
                .toList();
    }

    /** What is where metadata stands on a disk, and at its beginning, as it is now: for undoing. */
    public Backup backup(Disk disk, long epochSeconds) throws AssemblyRefused {
        OpenDisk open = set.disks().stream()
                .filter(each -> each.disk().equals(disk))
                .findFirst()
                .orElseThrow();
        return Backup.of(open, format, geometries.get(open.number()), epochSeconds);
    }

    // ---------------------------------------------------------------------------------------------- doing

    /** How many bytes {@link #write} will zero. */
    public long bytesToZero() {
        if (wish.assumeClean() || !wish.level().redundant()) {
            return 0;
        }
        return Math.multiplyExact(Sectors.toBytes(volume().componentSectors()), (long)
                volume().slots().size());
    }

    /**
     * Makes the volume: zeroes where redundancy has to be made, then the metadata, disk after disk.
     *
     * @param zeroed is told how many bytes are zeroed
     * @return how the disks are known from now on
     */
    public List<KnownDisk> write(LongConsumer zeroed) throws AssemblyRefused {
        try {
            if (bytesToZero() > 0) {
                zero(zeroed);
            }
            WriteRound round = after.write(Optional.empty());
            for (WriteRound.MemberWrites member : round.members()) {
                DiskReads disk = set.disks().get(member.disk()).reads();
                for (WriteRound.Step step : member.steps()) {
                    switch (step) {
                        case WriteRound.Step.Put(long offsetBytes, var bytes) ->
                            disk.write(offsetBytes, bytes.toArray());
                        case WriteRound.Step.Flush() -> disk.flush();
                    }
                }
            }
        } catch (ReadFailed failed) {
            throw new AssemblyRefused(AssemblyRefused.Reason.IO_ERROR, String.valueOf(failed.getMessage()));
        } catch (MetadataRefused refused) {
            throw new AssemblyRefused(AssemblyRefused.Reason.USAGE, refused.sentence());
        }
        List<KnownDisk> known = new ArrayList<>();
        for (OpenDisk open : set.disks()) {
            known.add(new KnownDisk(open.disk(), serials.get(open.number()), keep(open)));
        }
        return known;
    }

    private boolean keep(OpenDisk open) {
        if (open.disk().isUri()) {
            return false;
        }
        Path path = Path.of(open.disk().location());
        return Files.isRegularFile(path)
                ? SerialSources.keep(path, serials.get(open.number()))
                : !generated.get(open.number()) && open.origin() == KnownSerial.Origin.DEVICE;
    }

    private void zero(LongConsumer zeroed) throws AssemblyRefused {
        long component = Sectors.toBytes(volume().componentSectors());
        long done = 0;
        IoRequestPool pool = new IoRequestPool(set.disks().size() + 1);
        for (SlotPicture slot : volume().slots()) {
            OpenDisk open = set.disks().get(slot.disk().orElseThrow());
            long start = Sectors.toBytes(slot.dataOffsetSectors());
            for (long at = 0; at < component; at += ZERO_PIECE_BYTES) {
                long length = Math.min(ZERO_PIECE_BYTES, component - at);
                zero(open, pool, start + at, length);
                done += length;
                zeroed.accept(done);
            }
        }
    }

    private void zero(OpenDisk open, IoRequestPool pool, long offset, long length) throws AssemblyRefused {
        CountDownLatch ended = new CountDownLatch(1);
        boolean granted = pool.reserve(1);
        IoRequest request = granted
                ? pool.take().prepare(IoOperation.WRITE_ZEROES, offset, length, 0, null, 0, each -> ended.countDown())
                : null;
        if (request == null) {
            throw new AssemblyRefused(AssemblyRefused.Reason.IO_ERROR, open.name() + " does not answer");
        }
        open.device().submit(request);
        boolean answered = false;
        try {
            answered = limitNanos == 0
                    ? awaitForEver(ended)
                    : ended.await(limitNanos + TimeUnit.SECONDS.toNanos(1), TimeUnit.NANOSECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        if (!answered || !request.status().ok()) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.IO_ERROR,
                    "%s: cannot zero %d bytes at byte %d: %s"
                            .formatted(open.name(), length, offset, answered ? request.status() : "no answer"));
        }
        request.free();
    }

    private static boolean awaitForEver(CountDownLatch ended) throws InterruptedException {
        ended.await();
        return true;
    }

    @Override
    public void close() {
        set.close();
    }

    @Override
    public String toString() {
        return "creation of " + wish + " on "
                + Arrays.toString(set.disks().stream().map(OpenDisk::name).toArray());
    }
}
