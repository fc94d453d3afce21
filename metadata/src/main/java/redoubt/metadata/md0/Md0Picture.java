package redoubt.metadata.md0;

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
 * @param seats the disks that are there
 */
record Md0Picture(Md0Superblock superblock, List<Seat> seats) {

    static final String NOT_WRITTEN = "this version of Redoubt does not write Linux md's own metadata";

    Md0Picture {
        seats = List.copyOf(seats);
    }

    ContainerPicture container() {
        int sectorBytes = Sectors.BYTES;
        for (Seat seat : seats) {
            sectorBytes = Math.max(sectorBytes, seat.geometry().sectorBytes());
        }
        List<SlotPicture> slots = new ArrayList<>();
        List<DiskEntry> disks = new ArrayList<>();
        for (int slot = 0; slot < superblock.raidDisks(); slot++) {
            Place place = new Place.Slot(slot);
            Optional<Seat> occupant =
                    seats.stream().filter(seat -> seat.place().equals(place)).findFirst();
            slots.add(slot(slot, occupant));
            disks.add(entry(slot, occupant, slots.getLast().state()));
        }
        for (Seat seat : seats) {
            if (!(seat.place() instanceof Place.Slot)) {
                disks.add(new DiskEntry(
                        OptionalInt.empty(),
                        Optional.empty(),
                        seat.geometry().sizeSectors(),
                        EnumSet.of(DiskState.SPARE),
                        OptionalInt.of(seat.disk())));
            }
        }
        return new ContainerPicture(
                Md0Format.NAME,
                Md0Format.NAME,
                superblock.array(),
                superblock.events(),
                sectorBytes,
                disks,
                List.of(volume(slots)));
    }

    private SlotPicture slot(int slot, Optional<Seat> occupant) {
        Optional<Md0Descriptor> told = superblock.descriptors().stream()
                .filter(disk -> superblock.seated(disk) && disk.slot() == slot)
                .findFirst();
        boolean known = told.isPresent() || occupant.isPresent();
        long room =
                occupant.map(seat -> Md0Superblock.sectorOn(seat.geometry())).orElse(0L);
        boolean inSync = told.isPresent() && told.get().has(Md0Descriptor.IN_SYNC);
        return new SlotPicture(
                slot,
                known ? OptionalInt.of(slot) : OptionalInt.empty(),
                occupant.map(seat -> OptionalInt.of(seat.disk())).orElse(OptionalInt.empty()),
                occupant.isEmpty()
                        ? known ? SlotState.MISSING : SlotState.FAILED
                        : inSync ? SlotState.IN_SYNC : SlotState.REBUILDING,
                0,
                room,
                0,
                List.of());
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

    // ---------------------------------------------------------------------------------------------- the array

    private VolumePicture volume(List<SlotPicture> slots) {
        RaidLevel level = RaidLevel.ofNumber(superblock.level()).orElseThrow();
        boolean ownSizes = level == RaidLevel.LINEAR || level == RaidLevel.RAID0;
        boolean toResync = level.redundant() && superblock.resyncOffset() != Md0Superblock.IN_SYNC;
        return new VolumePicture(
                0,
                name(superblock),
                superblock.array(),
                level,
                layout(level),
                level == RaidLevel.RAID1 ? 0 : (int) Sectors.toBytes(superblock.chunkSectors()),
                ownSizes
                        ? sum(slots)
                        : level.arraySectors(
                                slots.size(), superblock.layout(), superblock.chunkSectors(), superblock.size()),
                ownSizes ? 0 : superblock.size(),
                slots,
                level.redundant() && superblock.resyncOffset() == 0,
                state(level, slots, slot -> slots.get(slot).state() != SlotState.FAILED),
                state(level, slots, slot -> slots.get(slot).state() == SlotState.IN_SYNC),
                migration(slots),
                !level.redundant()
                        ? ConsistencyPolicy.NONE
                        : superblock.hasBitmap() ? ConsistencyPolicy.BITMAP : ConsistencyPolicy.RESYNC,
                toResync ? OptionalLong.of(resyncFrom()) : OptionalLong.empty(),
                superblock.reshaping()
                        ? new VolumeAccess.Blocked(
                                "it was caught in the middle of a reshape and has two geometries at once")
                        : new VolumeAccess.ReadOnly(NOT_WRITTEN));
    }

    /** The array has no name; this is what Linux calls it where the number is free. */
    static String name(Md0Superblock superblock) {
        return "md" + superblock.u32(Md0Superblock.MD_MINOR_AT);
    }

    private long resyncFrom() {
        return superblock.resyncOffset() > superblock.size() ? 0 : superblock.resyncOffset();
    }

    /** What a RAID0 has in the place of the layout means nothing. */
    private int layout(RaidLevel level) {
        return switch (level) {
            case RAID5, RAID6, RAID10 -> superblock.layout();
            case LINEAR, RAID0, RAID1, RAID4 -> 0;
        };
    }

    private long sum(List<SlotPicture> slots) {
        long chunk = Math.max(1, superblock.chunkSectors());
        return slots.stream()
                .mapToLong(slot -> slot.dataSectors() / chunk * chunk)
                .sum();
    }

    private VolumeState state(RaidLevel level, List<SlotPicture> slots, IntPredicate there) {
        if (slots.stream().mapToInt(SlotPicture::slot).allMatch(there)) {
            return VolumeState.NORMAL;
        }
        return level.whole(slots.size(), superblock.layout(), there) ? VolumeState.DEGRADED : VolumeState.FAILED;
    }

    private Migration migration(List<SlotPicture> slots) {
        if (superblock.reshaping()) {
            return new Migration(
                    Migration.Kind.GENERAL, 0, Math.max(0, superblock.long64(Md0Superblock.RESHAPE_POSITION_AT)));
        }
        return slots.stream().anyMatch(slot -> slot.state() == SlotState.REBUILDING)
                ? new Migration(Migration.Kind.REBUILD, 0, 0)
                : Migration.NONE;
    }
}
