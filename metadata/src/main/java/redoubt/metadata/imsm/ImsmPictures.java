package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.DiskState;
import redoubt.metadata.MdUuid;
import redoubt.metadata.Migration;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeAccess;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;

/**
 * Draws the neutral picture of a block.
 *
 * @param mpb the block
 * @param sectorBytes sector size of its disks
 * @param present whether a physical disk stands for an entry
 * @param diskOf the caller's number of that disk, where it is known
 */
record ImsmPictures(ImsmSuper mpb, int sectorBytes, IntPredicate present, IntFunction<OptionalInt> diskOf) {

    ContainerPicture container(List<DiskEntry> spares) {
        List<DiskEntry> disks = new ArrayList<>();
        for (int i = 0; i < mpb.disks().size(); i++) {
            disks.add(entry(i));
        }
        disks.addAll(spares);
        List<VolumePicture> volumes = new ArrayList<>();
        for (int i = 0; i < mpb.devs().size(); i++) {
            volumes.add(volume(i));
        }
        MdUuid uuid = mpb.withoutVolumes() ? MdUuid.ZERO : ImsmNames.container(mpb);
        return new ContainerPicture(
                ImsmFormat.NAME, mpb.version(), uuid, mpb.generationUnsigned(), sectorBytes, disks, volumes);
    }

    private DiskEntry entry(int index) {
        ImsmDisk disk = mpb.disks().get(index);
        Set<DiskState> states = EnumSet.noneOf(DiskState.class);
        states.addAll(disk.states());
        if (!present.test(index)) {
            states.add(DiskState.MISSING);
        }
        return new DiskEntry(
                OptionalInt.of(index), Optional.of(disk.serialText()), disk.totalBlocks(), states, diskOf.apply(index));
    }

    private VolumePicture volume(int index) {
        ImsmDev dev = mpb.devs().get(index);
        ImsmVol vol = dev.vol();
        ImsmGeometry geometry = ImsmGeometry.of(dev);
        long unit = ImsmMigrationUnit.sectors(dev);
        long position = Math.min(saturated(vol.migrationUnit(), unit), geometry.componentSectors());
        List<SlotPicture> slots = slots(dev, position);
        Migration migration = dev.migration() == Migration.Kind.NONE
                ? Migration.NONE
                : new Migration(dev.migration(), vol.migrationUnit(), position);
        return new VolumePicture(
                index,
                dev.nameText(),
                ImsmNames.volume(mpb, index),
                geometry.level(),
                geometry.layout(),
                geometry.stripSectors() * 512,
                geometry.exportSectors(),
                geometry.componentSectors(),
                slots,
                vol.isDirty(),
                ImsmStates.neutral(vol.map().state()),
                computed(vol, geometry, slots),
                migration,
                policy(dev, geometry.level()),
                resyncFrom(dev, geometry.level(), slots, position),
                access(dev));
    }

    private static long saturated(long units, long unit) {
        return unit != 0 && units > Long.MAX_VALUE / unit ? Long.MAX_VALUE : units * unit;
    }

    /** Who is in sync is read in the map that a migration came from; which disk has the slot, in the map it leads to. */
    private List<SlotPicture> slots(ImsmDev dev, long position) {
        ImsmVol vol = dev.vol();
        ImsmMap map = vol.map();
        ImsmMap truth = vol.truthMap();
        List<SlotPicture> slots = new ArrayList<>();
        for (int slot = 0; slot < map.members(); slot++) {
            ImsmOrd ord = map.slots().get(slot);
            boolean outOfSync = ord.outOfSync()
                    || (slot < truth.members() && truth.slots().get(slot).outOfSync());
            boolean named = !(ord.outOfSync() && namedElsewhere(map, slot, ord.index()));
            slots.add(new SlotPicture(
                    slot,
                    named ? OptionalInt.of(ord.index()) : OptionalInt.empty(),
                    named ? diskOf.apply(ord.index()) : OptionalInt.empty(),
                    named ? state(ord.index(), outOfSync) : SlotState.FAILED,
                    map.firstSector(),
                    map.blocksPerMember(),
                    0,
                    named ? badBlocks(ord.index()) : List.of()));
        }
        return dev.migration() == Migration.Kind.REBUILD ? withProgress(slots, position) : slots;
    }

    private List<Extent> badBlocks(int index) {
        ImsmBbmLog log = mpb.badBlocks();
        if (log == null) {
            return List.of();
        }
        return log.entries().stream()
                .filter(entry -> entry.disk() == index)
                .map(entry -> new Extent(Sectors.toBytes(entry.startSector()), Sectors.toBytes(entry.sectors())))
                .toList();
    }

    private static boolean namedElsewhere(ImsmMap map, int slot, int index) {
        for (int other = 0; other < map.members(); other++) {
            ImsmOrd ord = map.slots().get(other);
            if (other != slot && ord.index() == index && !ord.outOfSync()) {
                return true;
            }
        }
        return false;
    }

    private SlotState state(int index, boolean outOfSync) {
        if (mpb.disks().get(index).failed()) {
            return SlotState.FAILED;
        }
        if (!present.test(index)) {
            return SlotState.MISSING;
        }
        return outOfSync ? SlotState.REBUILDING : SlotState.IN_SYNC;
    }

    /** What the slots are worth for a reader today. A member that is being filled counts as lost, whatever the rebuild will lead to. */
    private static VolumeState computed(ImsmVol vol, ImsmGeometry geometry, List<SlotPicture> slots) {
        if (slots.stream().allMatch(slot -> slot.state() == SlotState.IN_SYNC)) {
            return vol.truthMap().state() == ImsmMap.UNINITIALIZED ? VolumeState.UNINITIALIZED : VolumeState.NORMAL;
        }
        boolean survives = geometry.level()
                .whole(slots.size(), geometry.layout(), slot -> slots.get(slot).state() == SlotState.IN_SYNC);
        return survives ? VolumeState.DEGRADED : VolumeState.FAILED;
    }

    /** The checkpoint counts only where exactly one member is being filled; of two it would be true for neither. */
    private static List<SlotPicture> withProgress(List<SlotPicture> slots, long position) {
        if (slots.stream().filter(s -> s.state() == SlotState.REBUILDING).count() != 1) {
            return slots;
        }
        return slots.stream()
                .map(s -> s.state() != SlotState.REBUILDING
                        ? s
                        : new SlotPicture(
                                s.slot(),
                                s.diskIndex(),
                                s.disk(),
                                s.state(),
                                s.dataOffsetSectors(),
                                s.dataSectors(),
                                position,
                                s.badBlocks()))
                .toList();
    }

    private static ConsistencyPolicy policy(ImsmDev dev, RaidLevel level) {
        if (!level.redundant()) {
            return ConsistencyPolicy.NONE;
        }
        if (level == RaidLevel.RAID5 && ImsmPolicy.distributed(dev.rwhPolicy())) {
            return ConsistencyPolicy.PPL;
        }
        return dev.rwhPolicy() == ImsmPolicy.BITMAP ? ConsistencyPolicy.BITMAP : ConsistencyPolicy.RESYNC;
    }

    private OptionalLong resyncFrom(ImsmDev dev, RaidLevel level, List<SlotPicture> slots, long position) {
        ImsmVol vol = dev.vol();
        if (!level.redundant() || mpb.generalMigrationRuns()) {
            return OptionalLong.empty();
        }
        boolean rebuilding = slots.stream().anyMatch(s -> s.state() == SlotState.REBUILDING);
        long gone = slots.stream()
                .filter(s -> s.state() == SlotState.MISSING || s.state() == SlotState.FAILED)
                .count();
        // Without a dirty mark, making redundancy on a volume that has none left would only make it dirty and degraded.
        if (!vol.isDirty() && (rebuilding || gone > (level == RaidLevel.RAID10 ? 1 : 0))) {
            return OptionalLong.empty();
        }
        return switch (dev.migration()) {
            case INIT, REPAIR -> OptionalLong.of(position);
            case NONE ->
                vol.isDirty() || vol.map().state() == ImsmMap.UNINITIALIZED ? OptionalLong.of(0) : OptionalLong.empty();
            case REBUILD, VERIFY, GENERAL, STATE_CHANGE -> OptionalLong.empty();
        };
    }

    private VolumeAccess access(ImsmDev dev) {
        int unsupported = ImsmAttributes.unsupported(mpb.attributes());
        if (unsupported != 0) {
            return new VolumeAccess.Blocked(
                    "its container uses features that are not supported (attribute bits %08x)".formatted(unsupported));
        }
        return switch (dev.migration()) {
            case GENERAL ->
                new VolumeAccess.Blocked("it was caught in the middle of a reshape and has two geometries at once");
            case STATE_CHANGE ->
                new VolumeAccess.Blocked("it was caught in a state change, which no open implementation knows");
            case INIT, REBUILD, VERIFY, REPAIR ->
                new VolumeAccess.ReadOnly(
                        "its metadata says that %s is under way".formatted(ImsmReport.migrationWords(dev.migration())));
            case NONE -> {
                if (mpb.generationRunsOut()) {
                    yield new VolumeAccess.ReadOnly(
                            "its metadata has generation %d, and one of the next would count as the oldest of all"
                                    .formatted(mpb.generationUnsigned()));
                }
                yield ImsmPolicy.off(dev.rwhPolicy())
                        ? new VolumeAccess.ReadWrite()
                        : new VolumeAccess.ReadOnly(
                                "its write-hole policy is '%s', and a write past that log would leave it stale for Linux to replay"
                                        .formatted(ImsmPolicy.words(dev.rwhPolicy())));
            }
        };
    }
}
