package redoubt.assembly;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskEntry;
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
 * A volume that is about to be made. Opening one opens and locks the disks, looks at what is on them ({@link NewMember}) and plans; nothing
 * is written before {@link #write}. Disks that already form one whole container get a further volume in it, and spares join it; others
 * become a new container.
 *
 * <p>Redundancy is made, unless the user says that the disks agree already, by writing zeroes to the new volume's part of every disk: then
 * mirrors agree, and the parity of zeroes is zero. A disk whose redundancy is on a missing member alone is left as it is: there is nothing
 * with which it could disagree. For one control thread, which waits.
 */
public final class Creation implements AutoCloseable {

    /**
     * What the user wants.
     *
     * @param name name of the volume
     * @param chunkBytes empty for the format's default
     * @param memberBytes how much of each disk, or empty for all there is
     * @param slots the disk of each slot, or empty for a member that is missing from the start
     * @param spares disks that stand by
     * @param assumeClean whether the disks are taken to agree already
     * @param newContainer whether a container that the disks form is forgotten
     */
    public record Wish(
            String name,
            RaidLevel level,
            OptionalInt chunkBytes,
            OptionalLong memberBytes,
            List<Optional<Disk>> slots,
            List<Disk> spares,
            boolean assumeClean,
            boolean newContainer) {

        /** Takes unchangeable copies. */
        public Wish {
            slots = List.copyOf(slots);
            spares = List.copyOf(spares);
        }

        /** All disks: those of the slots, then the spares. */
        public List<Disk> disks() {
            return Stream.concat(slots.stream().flatMap(Optional::stream), spares.stream())
                    .toList();
        }
    }

    /**
     * A disk and the serial by which the container will know it.
     *
     * @param spare whether it stands by
     * @param kept whether the serial stays with the disk by itself; if not, it has to be given each time
     */
    public record KnownDisk(Disk disk, String serial, boolean spare, boolean kept) {}

    /**
     * A disk that is not empty.
     *
     * @param holds what is on it, in words
     */
    public record Filled(Disk disk, List<String> holds) {

        /** Takes an unchangeable copy. */
        public Filled {
            holds = List.copyOf(holds);
        }
    }

    private final DiskSet set;
    private final MetadataFormat format;
    private final Wish wish;
    private final long limitNanos;
    private final List<NewMember> members;
    private final ContainerMetadata after;

    private Creation(DiskSet set, MetadataFormat format, Wish wish, long limitNanos, RandomGenerator random, long now)
            throws AssemblyRefused {
        this.set = set;
        this.format = format;
        this.wish = wish;
        this.limitNanos = limitNanos;
        try {
            Scan scan = Scan.of(set, List.of(format));
            List<NewMember> looked = NewMember.look(set, scan, format, wish.newContainer(), random);
            Optional<ContainerMetadata> before = wish.newContainer() ? Optional.empty() : wholeContainer(scan);
            members = before.isPresent() ? withSerialsOf(before.get(), looked) : looked;
            after = plan(before.isPresent() ? withSpares(before.get()) : fresh(), random, now);
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
            Wish wish,
            MetadataFormat format,
            DiskOpener opener,
            long timeoutNanos,
            RandomGenerator random,
            long epochSeconds)
            throws AssemblyRefused {
        DiskSet set =
                DiskSet.open(wish.disks(), Access.WRITE, timeoutNanos, opener, new SerialSources(Path.of("/sys")));
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

    // ---------------------------------------------------------------------------------------------- what is there

    /** The container that the disks form, if all but the spares are of one. */
    private Optional<ContainerMetadata> wholeContainer(Scan scan) throws AssemblyRefused {
        List<ScannedDisk> named =
                scan.disks().subList(0, scan.disks().size() - wish.spares().size());
        List<FoundContainer> ofMembers = scan.containers().stream()
                .filter(found -> named.stream().anyMatch(disk -> found.disks().contains(disk.number())))
                .toList();
        if (ofMembers.size() != 1) {
            return Optional.empty();
        }
        FoundContainer found = ofMembers.getFirst();
        boolean all = named.stream().allMatch(disk -> found.disks().contains(disk.number()));
        if (found.metadata().isEmpty() || !all) {
            return Optional.empty();
        }
        boolean placed = named.stream()
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
    private static List<NewMember> withSerialsOf(ContainerMetadata container, List<NewMember> looked) {
        List<NewMember> members = new ArrayList<>(looked);
        for (DiskEntry entry : container.picture().disks()) {
            if (entry.disk().isPresent() && entry.serial().isPresent()) {
                int number = entry.disk().getAsInt();
                members.set(
                        number, members.get(number).withSerial(entry.serial().get()));
            }
        }
        return members;
    }

    // ---------------------------------------------------------------------------------------------- planning

    private ContainerMetadata fresh() throws MetadataRefused {
        List<NewDisk> disks = new ArrayList<>();
        for (NewMember member : members) {
            disks.add(new NewDisk(member.number(), member.geometry(), member.serial(), 0));
        }
        return format.create(disks);
    }

    private ContainerMetadata withSpares(ContainerMetadata before) throws MetadataRefused {
        ContainerMetadata container = before;
        for (NewMember member : members) {
            boolean there = before.picture().disks().stream()
                    .anyMatch(entry -> entry.disk().equals(OptionalInt.of(member.number())));
            if (!there) {
                container = container.apply(
                        new MetadataEvent.SpareAdded(member.number(), member.geometry(), member.serial(), 0));
            }
        }
        return container;
    }

    private ContainerMetadata plan(ContainerMetadata container, RandomGenerator random, long now)
            throws MetadataRefused, AssemblyRefused {
        VolumePlan plan = new VolumePlan(
                wish.name(),
                wish.level(),
                wish.chunkBytes(),
                wish.memberBytes().isPresent()
                        ? OptionalLong.of(Sectors.ofBytes(wish.memberBytes().getAsLong()))
                        : OptionalLong.empty(),
                slots(),
                ConsistencyPolicy.NONE,
                true);
        List<Objection> objections = format.objections(container, plan);
        if (!objections.isEmpty()) {
            throw new AssemblyRefused(
                    AssemblyRefused.Reason.USAGE, objections.getFirst().sentence());
        }
        ContainerMetadata made =
                format.addVolume(container, plan, new MetadataEvent.Seeds(random.nextInt(), Optional.of(now)));
        refuseSmallSpares(made.picture().volumes().getLast());
        return made;
    }

    /** A spare that cannot take the place of any member would be a comfort that is none. */
    private void refuseSmallSpares(VolumePicture volume) throws AssemblyRefused {
        long end = Sectors.toBytes(volume.slots().getFirst().dataOffsetSectors() + volume.componentSectors());
        for (NewMember member : members.subList(firstSpare(), members.size())) {
            List<Extent> metadata = format.usualPlaces(member.geometry());
            if (metadata.isEmpty() || metadata.getFirst().offset() < end) {
                throw new AssemblyRefused(
                        AssemblyRefused.Reason.USAGE,
                        "the spare %s is too small to take the place of a member; take a larger one, or make the array smaller with --size"
                                .formatted(member.open().name()));
            }
        }
    }

    private int firstSpare() {
        return members.size() - wish.spares().size();
    }

    /** The numbers of the disks in their slots: disks are opened in the order of the slots, the spares behind them. */
    private List<OptionalInt> slots() {
        List<OptionalInt> slots = new ArrayList<>();
        int next = 0;
        for (Optional<Disk> slot : wish.slots()) {
            slots.add(slot.isPresent() ? OptionalInt.of(next++) : OptionalInt.empty());
        }
        return slots;
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
    public List<Filled> filled() {
        return members.stream()
                .filter(member -> !member.holds().isEmpty())
                .map(member -> new Filled(member.open().disk(), member.holds()))
                .toList();
    }

    /** What is where metadata stands on a disk, and at its beginning, as it is now: for undoing. */
    public Backup backup(Disk disk, long epochSeconds) throws AssemblyRefused {
        NewMember member = members.stream()
                .filter(each -> each.open().disk().equals(disk))
                .findFirst()
                .orElseThrow();
        return Backup.of(member.open(), format, member.geometry(), epochSeconds);
    }

    // ---------------------------------------------------------------------------------------------- doing

    private Zeroing zeroing() {
        List<Zeroing.Part> parts = new ArrayList<>();
        if (!wish.assumeClean()) {
            long component = Sectors.toBytes(volume().componentSectors());
            for (SlotPicture slot : volume().slots()) {
                if (slot.disk().isPresent() && mustAgree(slot.slot())) {
                    OpenDisk open = set.disks().get(slot.disk().getAsInt());
                    parts.add(new Zeroing.Part(open, new Extent(Sectors.toBytes(slot.dataOffsetSectors()), component)));
                }
            }
        }
        return new Zeroing(parts, limitNanos);
    }

    /** Whether anything that is here could disagree with the member in this slot. */
    private boolean mustAgree(int slot) {
        List<Optional<Disk>> slots = wish.slots();
        return switch (wish.level()) {
            case RAID0, LINEAR -> false;
            case RAID10 -> slots.get(slot ^ 1).isPresent();
            case RAID1, RAID4, RAID5 -> slots.stream().allMatch(Optional::isPresent);
            case RAID6 -> true;
        };
    }

    /** How many bytes {@link #write} will zero. */
    public long bytesToZero() {
        return zeroing().bytes();
    }

    /**
     * Makes the volume: zeroes where redundancy has to be made, then the metadata, disk after disk.
     *
     * @param zeroed is told how many bytes are zeroed
     * @return how the disks are known from now on
     */
    public List<KnownDisk> write(LongConsumer zeroed) throws AssemblyRefused {
        try {
            Zeroing zeroing = zeroing();
            zeroing.run(zeroed);
            zeroing.makeDurable(); // of all disks, for one that has the metadata already speaks for the others
            for (WriteRound.MemberWrites member : after.write(Optional.empty()).members()) {
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
        return members.stream()
                .map(member -> new KnownDisk(
                        member.open().disk(), member.serial(), member.number() >= firstSpare(), member.keepSerial()))
                .toList();
    }

    @Override
    public void close() {
        set.close();
    }

    @Override
    public String toString() {
        return "creation of " + wish;
    }
}
