package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePlan;

/**
 * The numbers that follow from a wish for a volume (mdadm, super-intel.c, init_super_imsm_volume).
 *
 * @param container where the volume is to be
 * @param plan the wish
 */
record ImsmShape(ImsmContainer container, VolumePlan plan) {

    private static final int CHUNK_DEFAULT_SECTORS = 256;
    private static final int CHUNK_RAID1_SECTORS = 128;

    List<ImsmMember> membersInOrder() {
        List<ImsmMember> members = new ArrayList<>();
        for (OptionalInt disk : plan.slots()) {
            if (disk.isPresent()) {
                members.add(container.memberOf(disk.getAsInt()).orElseThrow());
            }
        }
        return members;
    }

    int missing() {
        return (int) plan.slots().stream().filter(OptionalInt::isEmpty).count();
    }

    int chunkSectors() {
        if (plan.level() == RaidLevel.RAID1) {
            return CHUNK_RAID1_SECTORS;
        }
        int bytes = plan.chunkBytes().orElse(CHUNK_DEFAULT_SECTORS * 512);
        return bytes % 512 == 0 ? bytes / 512 : 0;
    }

    int dataMembers() {
        return ImsmGeometry.dataMembers(plan.level(), plan.slots().size());
    }

    int copies() {
        return plan.level() == RaidLevel.RAID1 || plan.level() == RaidLevel.RAID10 ? 2 : 1;
    }

    /** Members' shares are whole MiB and whole chunks; for mirrors whole pairs of chunks, which is how their stripes are counted. */
    long granule() {
        return Math.max(ImsmGeometry.GRANULE_SECTORS, (long) chunkSectors() * copies());
    }

    long shareSectors(ImsmRoom room) {
        long wished = Math.min(plan.memberSectors().orElse(room.sectors()), room.sectors());
        return wished <= 0 ? 0 : wished - wished % granule();
    }

    int stateWithMissing() {
        return switch (plan.level()) {
            case RAID1, RAID5 -> missing() == 1 ? ImsmMap.DEGRADED : ImsmMap.FAILED;
            case RAID10 -> aPairIsMissing() ? ImsmMap.FAILED : ImsmMap.DEGRADED;
            default -> ImsmMap.FAILED;
        };
    }

    private boolean aPairIsMissing() {
        for (int slot = 0; slot + 1 < plan.slots().size(); slot += 2) {
            if (plan.slots().get(slot).isEmpty() && plan.slots().get(slot + 1).isEmpty()) {
                return true;
            }
        }
        return false;
    }
}
