package redoubt.metadata.md1;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.IntPredicate;
import redoubt.base.Sectors;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.DiskState;
import redoubt.metadata.MemberMetadata.Place;
import redoubt.metadata.MemberMetadata.Seat;
import redoubt.metadata.Migration;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeAccess;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;

/**
 * Draws the neutral picture: an array is a container with one volume. The table of disks has an entry for each slot, and behind these the
 * disks that are there and have none.
 *
 * @param superblock the newest
 * @param minor its minor version
 * @param seats the disks that are there
 */
record Md1Picture(Md1Superblock superblock, Md1Minor minor, List<Seat> seats) {

    static final String NOT_WRITTEN = "this version of Redoubt does not write Linux md's own metadata";

    ContainerPicture container() {
        int sectorBytes = Sectors.BYTES;
        for (Seat seat : seats) {
            sectorBytes = Math.max(sectorBytes, seat.geometry().sectorBytes());
        }
        List<Optional<Seat>> occupants = new ArrayList<>();
        List<SlotPicture> slots = new ArrayList<>();
        List<DiskEntry> disks = new ArrayList<>();
        for (int slot = 0; slot < superblock.raidDisks(); slot++) {
            Optional<Seat> occupant = occupant(slot);
            occupants.add(occupant);
            slots.add(slot(slot, occupant));
            disks.add(entry(slot, occupant, slots.getLast().state()));
        }
        for (Seat seat : seats) {
            if (!occupants.contains(Optional.of(seat))) {
                disks.add(outsider(seat));
            }
        }
        return new ContainerPicture(
                minor.version(),
                minor.version(),
                superblock.array(),
                superblock.events(),
                sectorBytes,
                disks,
                List.of(volume(slots)));
    }

    // ---------------------------------------------------------------------------------------------- who is where

    /** The original, unless only what replaces it is there and in sync. */
    private Optional<Seat> occupant(int slot) {
        List<Seat> there = seats.stream()
                .filter(seat -> seat.place().equals(new Place.Slot(slot)))
                .toList();
        Optional<Seat> inSync = there.stream()
                .filter(seat -> !said(seat).has(Md1Feature.RECOVERY_OFFSET))
                .min((one, other) ->
                        Boolean.compare(one.said().replaces(), other.said().replaces()));
        return inSync.or(() -> there.stream()
                .min((one, other) ->
                        Boolean.compare(one.said().replaces(), other.said().replaces())));
    }

    private static Md1Superblock said(Seat seat) {
        return ((Md1DiskMetadata) seat.said()).superblock();
    }

    private SlotPicture slot(int slot, Optional<Seat> occupant) {
        if (occupant.isEmpty()) {
            SlotState state = superblock.roles().contains(slot) ? SlotState.MISSING : SlotState.FAILED;
            return new SlotPicture(
                    slot,
                    state == SlotState.MISSING ? OptionalInt.of(slot) : OptionalInt.empty(),
                    OptionalInt.empty(),
                    state,
                    0,
                    0,
                    0,
                    List.of());
        }
        Seat seat = occupant.get();
        Md1Superblock own = said(seat);
        boolean filled = own.has(Md1Feature.RECOVERY_OFFSET);
        long recovered = own.device().recoveryOffset();
        return new SlotPicture(
                slot,
                OptionalInt.of(slot),
                OptionalInt.of(seat.disk()),
                filled ? SlotState.REBUILDING : SlotState.IN_SYNC,
                own.device().dataOffset(),
                own.device().dataSize(),
                filled && recovered >= 0 ? Math.min(recovered, own.device().dataSize()) : 0,
                ((Md1DiskMetadata) seat.said()).badBlocks().extents());
    }

    private static DiskEntry entry(int slot, Optional<Seat> occupant, SlotState state) {
        Set<DiskState> states = EnumSet.of(DiskState.CONFIGURED);
        if (state == SlotState.FAILED) {
            states.add(DiskState.FAILED);
        } else if (state == SlotState.MISSING) {
            states.add(DiskState.MISSING);
        }
        return new DiskEntry(
                OptionalInt.of(slot),
                Optional.empty(),
                occupant.map(seat -> seat.geometry().sizeSectors()).orElse(0L),
                states,
                occupant.map(seat -> OptionalInt.of(seat.disk())).orElse(OptionalInt.empty()));
    }

    private static DiskEntry outsider(Seat seat) {
        return new DiskEntry(
                OptionalInt.empty(),
                Optional.empty(),
                seat.geometry().sizeSectors(),
                EnumSet.of(seat.place() instanceof Place.Journal ? DiskState.JOURNAL : DiskState.SPARE),
                OptionalInt.of(seat.disk()));
    }

    // ---------------------------------------------------------------------------------------------- the array

    private VolumePicture volume(List<SlotPicture> slots) {
        RaidLevel level = RaidLevel.ofNumber(superblock.level()).orElseThrow();
        boolean rebuilding = slots.stream().anyMatch(slot -> slot.state() == SlotState.REBUILDING);
        boolean clean = superblock.resyncOffset() == Md1Superblock.IN_SYNC;
        return new VolumePicture(
                0,
                name(),
                superblock.array(),
                level,
                layout(level),
                level == RaidLevel.RAID1 ? 0 : (int) Sectors.toBytes(superblock.chunk()),
                size(level, slots),
                ownSizes(level) ? 0 : superblock.size(),
                slots,
                level.redundant() && superblock.resyncOffset() == 0,
                state(level, slots, slot -> slots.get(slot).state() != SlotState.FAILED),
                state(level, slots, slot -> slots.get(slot).state() == SlotState.IN_SYNC),
                migration(slots, rebuilding),
                policy(level),
                clean || !level.redundant() ? OptionalLong.empty() : OptionalLong.of(resyncFrom()),
                access());
    }

    private long resyncFrom() {
        long from = superblock.resyncOffset();
        return from < 0 || from > superblock.size() ? 0 : from;
    }

    private static boolean ownSizes(RaidLevel level) {
        return level == RaidLevel.LINEAR || level == RaidLevel.RAID0;
    }

    /** What a RAID0 of old has in the place of the layout means nothing. */
    private int layout(RaidLevel level) {
        return switch (level) {
            case RAID0 -> superblock.has(Md1Feature.RAID0_LAYOUT) ? superblock.layout() : 0;
            case RAID5, RAID6, RAID10 -> superblock.layout();
            case LINEAR, RAID1, RAID4 -> 0;
        };
    }

    /** The name is HOST:NAME where the host was known to its maker. */
    String name() {
        String text = new String(superblock.name().toArray(), StandardCharsets.UTF_8);
        int end = text.indexOf('\0');
        String whole = end < 0 ? text : text.substring(0, end);
        String name = whole.substring(whole.indexOf(':') + 1);
        return name.isEmpty() ? superblock.array().colonForm() : name;
    }

    private long size(RaidLevel level, List<SlotPicture> slots) {
        long chunk = superblock.chunk();
        if (ownSizes(level)) {
            return slots.stream()
                    .mapToLong(slot -> chunk == 0 ? slot.dataSectors() : slot.dataSectors() / chunk * chunk)
                    .sum();
        }
        return level.arraySectors(slots.size(), superblock.layout(), chunk, superblock.size());
    }

    private VolumeState state(RaidLevel level, List<SlotPicture> slots, IntPredicate there) {
        if (slots.stream().mapToInt(SlotPicture::slot).allMatch(there)) {
            return VolumeState.NORMAL;
        }
        return level.whole(slots.size(), superblock.layout(), there) ? VolumeState.DEGRADED : VolumeState.FAILED;
    }

    private Migration migration(List<SlotPicture> slots, boolean rebuilding) {
        if (superblock.has(Md1Feature.RESHAPE)) {
            return new Migration(
                    Migration.Kind.GENERAL, 0, Math.max(0, superblock.reshape().position()));
        }
        return rebuilding
                ? new Migration(
                        Migration.Kind.REBUILD,
                        0,
                        slots.stream()
                                .filter(slot -> slot.state() == SlotState.REBUILDING)
                                .mapToLong(SlotPicture::recoveredSectors)
                                .min()
                                .orElse(0))
                : Migration.NONE;
    }

    private ConsistencyPolicy policy(RaidLevel level) {
        if (!level.redundant()) {
            return ConsistencyPolicy.NONE;
        } else if (superblock.has(Md1Feature.JOURNAL)) {
            return ConsistencyPolicy.JOURNAL;
        } else if (superblock.has(Md1Feature.PPL | Md1Feature.MULTIPLE_PPLS)) {
            return ConsistencyPolicy.PPL;
        }
        return superblock.has(Md1Feature.BITMAP) ? ConsistencyPolicy.BITMAP : ConsistencyPolicy.RESYNC;
    }

    private VolumeAccess access() {
        if (superblock.has(Md1Feature.RESHAPE)) {
            return new VolumeAccess.Blocked("it was caught in the middle of a reshape and has two geometries at once");
        }
        if (superblock.has(Md1Feature.JOURNAL)) {
            return new VolumeAccess.Blocked(
                    "its newest data may stand in its journal only, which this version does not read");
        }
        if (superblock.has(Md1Feature.CLUSTERED)) {
            return new VolumeAccess.Blocked("it belongs to a cluster, whose other machines may be writing to it");
        }
        return new VolumeAccess.ReadOnly(NOT_WRITTEN);
    }
}
