package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Migration;

/**
 * How the loss of a disk is recorded (mdadm, super-intel.c, mark_failure and mark_missing): its serial is changed so that the physical disk
 * no longer matches, its entry is marked failed, its slot out of sync, and the state follows. The failed disk is not written any more and
 * keeps an older generation.
 */
final class ImsmFailures {

    private ImsmFailures() {}

    static ImsmContainer memberFailed(ImsmContainer container, int volume, int slot) throws MetadataRefused {
        int index = ImsmEvents.diskIndex(container, volume, slot);
        return stateFollows(recordFailure(container, volume, slot, index), volume, slot);
    }

    /**
     * Disks that are named but not there are recorded as failed when the volume is first used, not when it is loaded: a disk that was only
     * late must not be thrown out.
     */
    static ImsmContainer volumeActivated(ImsmContainer container, int volume) throws MetadataRefused {
        ImsmDev dev = ImsmEvents.dev(container, volume);
        List<Integer> missing = missingSlots(container, dev);
        if (missing.isEmpty()) {
            return container;
        }
        ImsmContainer next = endWhatCannotGoOn(container, volume);
        for (int slot : missing) {
            int index = ImsmEvents.diskIndex(next, volume, slot);
            next = memberFailed(next, volume, slot);
            next = next.withMpb(markedMissing(next.mpb(), index));
        }
        return next;
    }

    private static List<Integer> missingSlots(ImsmContainer container, ImsmDev dev) {
        List<Integer> missing = new ArrayList<>();
        List<ImsmOrd> slots = dev.vol().map().slots();
        for (int slot = 0; slot < slots.size(); slot++) {
            int index = slots.get(slot).index();
            ImsmDisk disk = container.mpb().disks().get(index);
            boolean recorded = disk.failed()
                    && disk.scsiId() == ImsmDisk.SCSI_ID_MISSING
                    && slots.get(slot).outOfSync();
            if (!container.present(index) && !recorded) {
                missing.add(slot);
            }
        }
        return missing;
    }

    /** An init or rebuild ends when a member is missing, unless the missing one was out of sync before it began. */
    private static ImsmContainer endWhatCannotGoOn(ImsmContainer container, int volume) {
        ImsmDev dev = container.mpb().devs().get(volume);
        ImsmVol vol = dev.vol();
        ImsmMap source = vol.sourceMap();
        if (source == null || dev.migration() == Migration.Kind.GENERAL) {
            return container;
        }
        for (int slot = 0; slot < Math.min(vol.map().members(), source.members()); slot++) {
            if (vol.map().slots().get(slot).outOfSync()
                    && source.slots().get(slot).outOfSync()) {
                return container;
            }
        }
        return ImsmEvents.endMigration(container, volume, ImsmStates.compute(vol, container::usable));
    }

    private static ImsmContainer recordFailure(ImsmContainer container, int volume, int slot, int index) {
        ImsmSuper mpb = container.mpb();
        ImsmDev dev = mpb.devs().get(volume);
        ImsmVol vol = dev.vol();
        ImsmMap map = vol.map();
        ImsmDisk disk = mpb.disks().get(index);
        if (disk.failed() && map.slots().get(slot).outOfSync()) {
            return container;
        }
        // mdmon marks the serial again for each further volume of the disk; once says as much, and keeps more of the
        // serial.
        if (!disk.failed()) {
            disk = disk.withSerial(ImsmSerial.failed(disk.serial())).withStatus(disk.status() | ImsmDisk.FAILED);
        }
        ImsmMap newMap = map.withSlot(slot, ImsmOrd.outOfSync(index));
        if (map.failedSlot() == ImsmMap.NO_FAILED_SLOT
                || (dev.migration() != Migration.Kind.REBUILD && slot < map.failedSlot())) {
            newMap = newMap.withFailedSlot(slot);
        }
        ImsmVol newVol = vol.withMap(newMap);
        ImsmMap source = vol.sourceMap();
        if (source != null && source.slotOf(index) >= 0) {
            newVol = newVol.withSourceMap(source.withSlot(source.slotOf(index), ImsmOrd.outOfSync(index)));
        }
        ImsmSuper next = mpb.withDisk(index, disk).withDev(volume, dev.withVol(newVol));
        ImsmBbmLog log = next.badBlocks();
        return container.withMpb(log == null ? next : next.withBadBlocks(log.withoutDisk(index)));
    }

    private static ImsmContainer stateFollows(ImsmContainer container, int volume, int slot) {
        ImsmDev dev = container.mpb().devs().get(volume);
        ImsmVol vol = dev.vol();
        ImsmMap map = vol.map();
        int state = ImsmStates.compute(vol, container::usable);
        if (state == map.state()) {
            return container;
        }
        boolean ends = switch (dev.migration()) {
            case REBUILD -> state == ImsmMap.FAILED || slot == map.failedSlot();
            case INIT, VERIFY, REPAIR -> state == ImsmMap.FAILED;
            case NONE, GENERAL, STATE_CHANGE -> false;
        };
        return ends
                ? ImsmEvents.endMigration(container, volume, state)
                : ImsmEvents.withVol(container, volume, vol.withMap(map.withState(state)));
    }

    private static ImsmSuper markedMissing(ImsmSuper mpb, int index) {
        ImsmDisk disk = mpb.disks().get(index);
        return disk.scsiId() == ImsmDisk.SCSI_ID_MISSING
                ? mpb
                : mpb.withDisk(
                        index, disk.withScsiId(ImsmDisk.SCSI_ID_MISSING).withSerial(ImsmSerial.missing(disk.serial())));
    }
}
