package redoubt.metadata.imsm;

import java.util.function.IntPredicate;
import redoubt.metadata.VolumeState;

/** What the slots of a map add up to (mdadm, super-intel.c, imsm_check_degraded). */
final class ImsmStates {

    private ImsmStates() {}

    /**
     * Slots of a map whose disk is absent, failed, or out of sync.
     *
     * @param usable whether a disk of the table is there and not failed
     */
    static int failedSlots(ImsmMap map, IntPredicate usable) {
        int failed = 0;
        for (ImsmOrd ord : map.slots()) {
            if (ord.outOfSync() || !usable.test(ord.index())) {
                failed++;
            }
        }
        return failed;
    }

    /** The state of a volume's map[0], counting the failures that it records. */
    static int compute(ImsmVol vol, IntPredicate usable) {
        return compute(vol, failedSlots(vol.map(), usable), usable);
    }

    /**
     * The state of a volume with so many failed slots. Mirrored pairs are looked at one by one, in the map that a migration came from:
     * what is being rebuilt cannot yet stand in for its twin.
     */
    static int compute(ImsmVol vol, int failed, IntPredicate usable) {
        ImsmMap map = vol.map();
        if (failed == 0) {
            return map.state() == ImsmMap.UNINITIALIZED ? ImsmMap.UNINITIALIZED : ImsmMap.NORMAL;
        }
        return switch (ImsmGeometry.level(map.raidLevel(), map.members())) {
            case RAID1 -> failed < map.members() ? ImsmMap.DEGRADED : ImsmMap.FAILED;
            case RAID5 -> failed == 1 ? ImsmMap.DEGRADED : ImsmMap.FAILED;
            case RAID10 -> aPairIsLost(vol.truthMap(), usable) ? ImsmMap.FAILED : ImsmMap.DEGRADED;
            default -> ImsmMap.FAILED;
        };
    }

    private static boolean aPairIsLost(ImsmMap map, IntPredicate usable) {
        for (int slot = 0; slot + 1 < map.members(); slot += 2) {
            if (!inSync(map.slots().get(slot), usable) && !inSync(map.slots().get(slot + 1), usable)) {
                return true;
            }
        }
        return false;
    }

    private static boolean inSync(ImsmOrd ord, IntPredicate usable) {
        return !ord.outOfSync() && usable.test(ord.index());
    }

    static VolumeState neutral(int state) {
        return switch (state) {
            case ImsmMap.NORMAL -> VolumeState.NORMAL;
            case ImsmMap.UNINITIALIZED -> VolumeState.UNINITIALIZED;
            case ImsmMap.DEGRADED -> VolumeState.DEGRADED;
            default -> VolumeState.FAILED;
        };
    }
}
