package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Migration;
import redoubt.metadata.Printable;
import redoubt.metadata.RaidLevel;

/** What each event does to the block, as mdmon does it (mdadm, super-intel.c, imsm_set_array_state and imsm_set_disk). */
final class ImsmEvents {

    private ImsmEvents() {}

    static ImsmContainer apply(ImsmContainer container, MetadataEvent event) throws MetadataRefused {
        return switch (event) {
            case MetadataEvent.VolumeActivated(int volume) -> ImsmFailures.volumeActivated(container, volume);
            case MetadataEvent.MarkDirty(int volume) -> mark(container, volume, true);
            case MetadataEvent.MarkClean(int volume) -> mark(container, volume, false);
            case MetadataEvent.MemberFailed(int volume, int slot) -> ImsmFailures.memberFailed(container, volume, slot);
            case MetadataEvent.ResyncStarted(int volume) -> resyncStarted(container, volume);
            case MetadataEvent.SyncCheckpoint(int volume, long position) -> checkpoint(container, volume, position);
            case MetadataEvent.ResyncFinished(int volume) -> resyncFinished(container, volume);
            case MetadataEvent.RebuildStarted started -> ImsmRebuild.started(container, started);
            case MetadataEvent.RebuildFinished(int volume, int slot) -> ImsmRebuild.finished(container, volume, slot);
            case MetadataEvent.SpareAdded added -> spareAdded(container, added);
            case MetadataEvent.DiskGone(int disk) -> diskGone(container, disk);
            case MetadataEvent.BadBlocksFound(int volume, int slot, long start, int sectors) ->
                badBlocksFound(container, diskIndex(container, volume, slot), start, sectors);
            case MetadataEvent.BadBlocksCleared(int volume, int slot, long start, int sectors) ->
                badBlocksCleared(container, diskIndex(container, volume, slot), start, sectors);
            case MetadataEvent.PolicyChanged(int volume, ConsistencyPolicy policy) ->
                policyChanged(container, volume, policy);
        };
    }

    static ImsmDev dev(ImsmContainer container, int volume) throws MetadataRefused {
        List<ImsmDev> devs = container.mpb().devs();
        if (volume < 0 || volume >= devs.size()) {
            throw new MetadataRefused("the IMSM container has no volume %d, it has %d; look at them with examine"
                    .formatted(volume, devs.size()));
        }
        return devs.get(volume);
    }

    static int diskIndex(ImsmContainer container, int volume, int slot) throws MetadataRefused {
        ImsmDev dev = dev(container, volume);
        ImsmMap map = dev.vol().map();
        if (slot < 0 || slot >= map.members()) {
            throw new MetadataRefused("volume '%s' has no slot %d, it has %d slots; look at them with examine"
                    .formatted(Printable.of(dev.nameText()), slot, map.members()));
        }
        return map.slots().get(slot).index();
    }

    static ImsmContainer withVol(ImsmContainer container, int volume, ImsmVol vol) {
        ImsmSuper mpb = container.mpb();
        return container.withMpb(mpb.withDev(volume, mpb.devs().get(volume).withVol(vol)));
    }

    static RaidLevel level(ImsmDev dev) {
        return ImsmGeometry.of(dev).level();
    }

    /** A volume without redundancy has nothing that could disagree, and is never marked. */
    private static ImsmContainer mark(ImsmContainer container, int volume, boolean dirty) throws MetadataRefused {
        ImsmDev dev = dev(container, volume);
        if (dev.vol().isDirty() == dirty || (dirty && !level(dev).redundant())) {
            return container;
        }
        int mark = ImsmVol.DIRTY | (ImsmPolicy.distributed(dev.rwhPolicy()) ? ImsmVol.STRIPE_RECORD_VALID : 0);
        return withVol(container, volume, dev.vol().withDirty(dirty ? mark : 0));
    }

    private static boolean resyncing(ImsmDev dev) {
        return switch (dev.migration()) {
            case INIT, VERIFY, REPAIR -> true;
            case NONE, REBUILD, GENERAL, STATE_CHANGE -> false;
        };
    }

    private static ImsmContainer resyncStarted(ImsmContainer container, int volume) throws MetadataRefused {
        ImsmDev dev = dev(container, volume);
        if (resyncing(dev)) {
            return container;
        }
        ImsmMap map = dev.vol().map();
        if (!level(dev).redundant()
                || dev.vol().migrating()
                || container.mpb().generalMigrationRuns()
                || ImsmStates.failedSlots(map, container::usable) > 0) {
            throw new MetadataRefused(
                    "volume '%s' cannot begin a resync: it has no redundancy, a member missing, or another change under way; finish that first"
                            .formatted(Printable.of(dev.nameText())));
        }
        boolean first = map.state() == ImsmMap.UNINITIALIZED;
        ImsmVol vol = dev.vol().migrating(first ? ImsmVol.INIT : ImsmVol.VERIFY, map.withState(ImsmMap.NORMAL));
        int status = first ? dev.status() & ~ImsmDev.VERIFY_AND_FIX : dev.status() | ImsmDev.VERIFY_AND_FIX;
        return container.withMpb(
                container.mpb().withDev(volume, dev.withVol(vol).withStatus(status)));
    }

    private static ImsmContainer checkpoint(ImsmContainer container, int volume, long position) throws MetadataRefused {
        ImsmDev dev = dev(container, volume);
        long unit = ImsmMigrationUnit.sectors(dev);
        if (unit == 0 || position < 0) {
            throw new MetadataRefused(
                    "volume '%s' has no resync or rebuild under way whose progress could be recorded; start one first"
                            .formatted(Printable.of(dev.nameText())));
        }
        // The scale of 4096-byte disks cuts off what it cannot hold; an image must say what its bytes will say.
        long scale = container.sectorBytes() / 512;
        long units = position / unit / scale * scale;
        return withVol(container, volume, dev.vol().withMigrationUnit(units));
    }

    private static ImsmContainer resyncFinished(ImsmContainer container, int volume) throws MetadataRefused {
        ImsmDev dev = dev(container, volume);
        if (!resyncing(dev)) {
            return container;
        }
        return endMigration(container, volume, ImsmStates.compute(dev.vol(), container::usable));
    }

    /**
     * Ends what is under way in a state (mdadm, super-intel.c, end_migration). Where that is not the state it was meant to lead to, what
     * was out of sync before still is.
     */
    static ImsmContainer endMigration(ImsmContainer container, int volume, int state) {
        ImsmDev dev = container.mpb().devs().get(volume);
        ImsmVol vol = dev.vol();
        ImsmMap map = vol.map();
        ImsmMap source = vol.sourceMap();
        if (source != null
                && state != map.state()
                && dev.migration() != Migration.Kind.GENERAL
                && source.state() != ImsmMap.UNINITIALIZED) {
            map = withFlagsOf(map, source);
            vol = vol.withMap(map);
            state = ImsmStates.compute(vol, container::usable);
        }
        ImsmDev settled =
                dev.withVol(vol.settled(map.withState(state))).withStatus(dev.status() & ~ImsmDev.VERIFY_AND_FIX);
        return container.withMpb(container.mpb().withDev(volume, settled));
    }

    private static ImsmMap withFlagsOf(ImsmMap map, ImsmMap source) {
        List<ImsmOrd> slots = new ArrayList<>(map.slots());
        for (ImsmOrd before : source.slots()) {
            int slot = map.slotOf(before.index());
            if (slot >= 0) {
                slots.set(slot, slots.get(slot).withFlagsOf(before));
            }
        }
        return map.withSlots(slots);
    }

    private static ImsmContainer spareAdded(ImsmContainer container, MetadataEvent.SpareAdded added)
            throws MetadataRefused {
        String serial = Printable.of(added.serial());
        if (added.geometry().sectorBytes() != container.sectorBytes()) {
            throw new MetadataRefused(
                    "disk '%s' has sectors of %d bytes and the container's disks have %d; take a disk of the same kind"
                            .formatted(serial, added.geometry().sectorBytes(), container.sectorBytes()));
        }
        int index = container.mpb().indexOf(added.serial());
        boolean known = container.members().stream()
                .anyMatch(member ->
                        member.disk() != added.disk() && member.serial().equals(added.serial()));
        if ((index >= 0 && !container.mpb().disks().get(index).failed())
                || known
                || added.serial().isEmpty()) {
            throw new MetadataRefused(
                    "disk '%s' cannot join as a spare: its serial is empty or already in the container; give it another"
                            .formatted(serial));
        }
        List<ImsmMember> members = withoutDisk(container, added.disk());
        members.add(
                new ImsmMember(added.disk(), added.geometry(), added.serial(), added.busAddress(), ImsmMember.SPARE));
        return container.withMembers(members);
    }

    private static ImsmContainer diskGone(ImsmContainer container, int disk) {
        return container.withMembers(withoutDisk(container, disk));
    }

    private static List<ImsmMember> withoutDisk(ImsmContainer container, int disk) {
        List<ImsmMember> members = new ArrayList<>(container.members());
        members.removeIf(member -> member.disk() == disk);
        return members;
    }

    private static ImsmContainer badBlocksFound(ImsmContainer container, int index, long start, int sectors)
            throws MetadataRefused {
        if (start < 0
                || sectors <= 0
                || start > container.mpb().disks().get(index).totalBlocks() - sectors) {
            throw new MetadataRefused(
                    "bad blocks from sector %d, %d sectors, are not on disk %d; report places on the disk"
                            .formatted(start, sectors, index));
        }
        ImsmSuper mpb = container.mpb();
        ImsmBbmLog log = mpb.badBlocks() == null ? new ImsmBbmLog(List.of()) : mpb.badBlocks();
        ImsmBbmLog longer = log.with(index, start, sectors, container.sectorBytes() / 512)
                .orElseThrow(() -> new MetadataRefused(
                        "the bad block log of the IMSM container is full (%d entries); fail the member instead"
                                .formatted(ImsmBbmLog.ENTRIES_MAX)));
        return container.withMpb(mpb.withBadBlocks(longer));
    }

    private static ImsmContainer badBlocksCleared(ImsmContainer container, int index, long start, int sectors) {
        ImsmBbmLog log = container.mpb().badBlocks();
        return log == null
                ? container
                : container.withMpb(container.mpb().withBadBlocks(log.without(index, start, sectors)));
    }

    private static ImsmContainer policyChanged(ImsmContainer container, int volume, ConsistencyPolicy policy)
            throws MetadataRefused {
        ImsmDev dev = dev(container, volume);
        int value = ImsmPolicy.of(policy, level(dev), dev.rwhPolicy());
        if (value < 0) {
            throw new MetadataRefused("volume '%s' is %s, for which IMSM has no consistency policy '%s'; choose resync"
                    .formatted(Printable.of(dev.nameText()), level(dev).word(), policy.word()));
        }
        return container.withMpb(container.mpb().withDev(volume, dev.withRwhPolicy(value)));
    }
}
