package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Migration;
import redoubt.metadata.Printable;

/** A disk takes the place of a lost one: how that begins and ends (mdadm, super-intel.c, apply_update_activate_spare and imsm_set_disk). */
final class ImsmRebuild {

    private ImsmRebuild() {}

    static ImsmContainer started(ImsmContainer container, MetadataEvent.RebuildStarted event) throws MetadataRefused {
        int volume = event.volume();
        int slot = event.slot();
        ImsmDev dev = ImsmEvents.dev(container, volume);
        int replaced = replacedIndex(container, dev, volume, slot);
        ImsmMember target = container
                .memberOf(event.disk())
                .orElseThrow(() -> refused(dev, "disk " + event.disk() + " is not in the container", "add it first"));
        refuseWhatCannotBegin(container, dev, slot, target);

        int state = ImsmStates.compute(dev.vol(), lostWithout(container, dev, slot), container::usable);
        ImsmContainer next = target.isSpare() ? withEntryFor(container, target) : container;
        int index = next.memberOf(event.disk()).orElseThrow().index();
        ImsmDisk entry = next.mpb().disks().get(index);
        ImsmSuper mpb =
                next.mpb().withDisk(index, entry.withStatus((entry.status() & ~ImsmDisk.SPARE) | ImsmDisk.CONFIGURED));

        ImsmMap before = dev.vol().map().withState(ImsmMap.DEGRADED);
        ImsmVol vol = dev.vol()
                .withMap(before.withSlot(slot, ImsmOrd.outOfSync(index)))
                .migrating(ImsmVol.REBUILD, before.withState(state).withSlot(slot, ImsmOrd.inSync(index)));
        mpb = mpb.withDev(volume, dev.withVol(vol).withStatus(dev.status() & ~ImsmDev.VERIFY_AND_FIX));
        int original = mpb.originalFamily() != 0 ? mpb.originalFamily() : mpb.family();
        mpb = mpb.withFamily(mpb.family() + event.seeds().random(), original);
        next = next.withMpb(mpb);
        return replaced != index && !named(mpb, replaced) ? withoutEntry(next, replaced) : next;
    }

    private static int replacedIndex(ImsmContainer container, ImsmDev dev, int volume, int slot)
            throws MetadataRefused {
        int current = ImsmEvents.diskIndex(container, volume, slot);
        ImsmMap truth = dev.vol().truthMap();
        return slot < truth.members() ? truth.slots().get(slot).index() : current;
    }

    /** Members that are gone besides the one in the slot; those that are only out of sync do not count. */
    private static int lostWithout(ImsmContainer container, ImsmDev dev, int slot) {
        int lost = 0;
        List<ImsmOrd> slots = dev.vol().truthMap().slots();
        for (int other = 0; other < slots.size(); other++) {
            if (other != slot && !container.usable(slots.get(other).index())) {
                lost++;
            }
        }
        return lost;
    }

    private static void refuseWhatCannotBegin(ImsmContainer container, ImsmDev dev, int slot, ImsmMember target)
            throws MetadataRefused {
        ImsmMap map = dev.vol().map();
        if (container.mpb().generalMigrationRuns()) {
            throw refused(dev, "a reshape is under way in the container", "finish it first");
        }
        if (dev.migration() == Migration.Kind.REBUILD) {
            throw refused(dev, "it is being rebuilt already", "wait until that is done");
        }
        if (map.state() == ImsmMap.UNINITIALIZED
                || ImsmStates.compute(dev.vol(), container::usable) != ImsmMap.DEGRADED) {
            throw refused(dev, "only a degraded volume can be rebuilt", "look at its state with examine");
        }
        if (!map.slots().get(slot).outOfSync()
                && container.usable(map.slots().get(slot).index())) {
            throw refused(dev, "the member in slot " + slot + " is in sync", "fail it first");
        }
        int held = target.isSpare() ? -1 : map.slotOf(target.index());
        if ((held >= 0 && held != slot) || (!target.isSpare() && !container.usable(target.index()))) {
            throw refused(dev, "disk " + target.disk() + " has another slot or has failed", "take another disk");
        }
        refuseIfTooSmall(container, target);
    }

    /** A disk must have room for what every volume that it is not in yet would put on it. */
    private static void refuseIfTooSmall(ImsmContainer container, ImsmMember target) throws MetadataRefused {
        long room = target.geometry().sizeSectors() - ImsmReservation.forSpare(container.mpb());
        for (ImsmDev dev : container.mpb().devs()) {
            ImsmMap map = dev.vol().map();
            boolean inside = !target.isSpare() && map.slotOf(target.index()) >= 0;
            long end = map.firstSector() + ImsmGeometry.of(dev).componentSectors();
            if (!inside && end > room) {
                throw refused(
                        dev,
                        "disk %d has room for %d sectors and needs %d".formatted(target.disk(), room, end),
                        "take a larger disk");
            }
        }
    }

    private static ImsmContainer withEntryFor(ImsmContainer container, ImsmMember spare) throws MetadataRefused {
        ImsmSuper mpb = container.mpb();
        int index = mpb.disks().size();
        if (index >= ImsmCreation.DISKS_MAX) {
            throw new MetadataRefused("the table of the IMSM container is full (%d disks); remove a failed disk first"
                    .formatted(ImsmCreation.DISKS_MAX));
        }
        List<ImsmDisk> disks = new ArrayList<>(mpb.disks());
        long sectors = spare.geometry().sizeSectors();
        disks.add(ImsmDisk.fresh(spare.serial(), sectors, spare.busAddress(), ImsmDisk.CONFIGURED));
        List<ImsmMember> members = new ArrayList<>(container.members());
        members.remove(spare);
        members.add(spare.withIndex(index));
        ImsmSuper longer = mpb.withDisks(disks);
        if (sectors > 0xFFFF_FFFFL) {
            longer = longer.withAttributes(longer.attributes() | ImsmAttributes.DISK_2TB);
        }
        return container.withMpb(longer).withMembers(members);
    }

    private static boolean named(ImsmSuper mpb, int index) {
        for (ImsmDev dev : mpb.devs()) {
            ImsmMap source = dev.vol().sourceMap();
            if (dev.vol().map().slotOf(index) >= 0 || (source != null && source.slotOf(index) >= 0)) {
                return true;
            }
        }
        return false;
    }

    /** Takes an entry that no volume names out of the table: every higher index becomes one less, flags stay where they are. */
    private static ImsmContainer withoutEntry(ImsmContainer container, int index) {
        ImsmSuper mpb = container.mpb();
        List<ImsmDisk> disks = new ArrayList<>(mpb.disks());
        disks.remove(index);
        List<ImsmDev> devs = new ArrayList<>();
        for (ImsmDev dev : mpb.devs()) {
            ImsmVol vol = dev.vol().withMap(shifted(dev.vol().map(), index));
            ImsmMap source = vol.sourceMap();
            devs.add(dev.withVol(source == null ? vol : vol.withSourceMap(shifted(source, index))));
        }
        ImsmSuper shorter = mpb.withDisks(disks).withDevs(devs);
        if (shorter.badBlocks() != null) {
            shorter = shorter.withBadBlocks(shorter.badBlocks().afterRemovalOf(index));
        }
        List<ImsmMember> members = new ArrayList<>();
        for (ImsmMember member : container.members()) {
            if (member.index() > index) {
                members.add(member.withIndex(member.index() - 1));
            } else if (member.index() != index) {
                members.add(member);
            }
        }
        return new ImsmContainer(shorter, container.sectorBytes(), members);
    }

    private static ImsmMap shifted(ImsmMap map, int index) {
        return map.withSlots(map.slots().stream()
                .map(ord -> ord.index() > index ? ord.withIndex(ord.index() - 1) : ord)
                .toList());
    }

    static ImsmContainer finished(ImsmContainer container, int volume, int slot) throws MetadataRefused {
        ImsmDev dev = ImsmEvents.dev(container, volume);
        ImsmEvents.diskIndex(container, volume, slot);
        ImsmVol vol = dev.vol();
        ImsmMap source = vol.sourceMap();
        if (dev.migration() != Migration.Kind.REBUILD || source == null) {
            throw refused(dev, "no rebuild is under way", "start one first");
        }
        ImsmMap cleared = source.withSlot(slot, source.slots().get(slot).plain());
        ImsmContainer next = ImsmEvents.withVol(container, volume, vol.withSourceMap(cleared));
        if (othersAreFilled(next, vol.map(), cleared)) {
            return next;
        }
        int state = ImsmStates.compute(vol.withSourceMap(cleared), container::usable);
        next = ImsmEvents.endMigration(next, volume, state);
        ImsmVol settled = next.mpb().devs().get(volume).vol();
        return ImsmEvents.withVol(
                next, volume, settled.withMap(settled.map().withFailedSlot(lastFailedSlot(settled.map()))));
    }

    private static boolean othersAreFilled(ImsmContainer container, ImsmMap map, ImsmMap source) {
        for (int slot = 0; slot < source.members(); slot++) {
            if (source.slots().get(slot).outOfSync()
                    && !map.slots().get(slot).outOfSync()
                    && container.usable(map.slots().get(slot).index())) {
                return true;
            }
        }
        return false;
    }

    private static int lastFailedSlot(ImsmMap map) {
        int last = ImsmMap.NO_FAILED_SLOT;
        for (int slot = 0; slot < map.members(); slot++) {
            if (map.slots().get(slot).outOfSync()) {
                last = slot;
            }
        }
        return last;
    }

    private static MetadataRefused refused(ImsmDev dev, String because, String remedy) {
        return new MetadataRefused(
                "volume '%s' cannot be rebuilt: %s; %s".formatted(Printable.of(dev.nameText()), because, remedy));
    }
}
