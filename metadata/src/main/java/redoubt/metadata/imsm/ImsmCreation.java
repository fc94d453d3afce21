package redoubt.metadata.imsm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import redoubt.metadata.Bytes;
import redoubt.metadata.MetadataEvent.Seeds;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.Objection;
import redoubt.metadata.Printable;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePlan;

/**
 * Makes containers and volumes by the rules of mdadm (specs §7).
 *
 * @param container where the volume is to be
 * @param plan the wish
 */
record ImsmCreation(ImsmContainer container, VolumePlan plan) {

    /** num_disks is one byte. */
    static final int DISKS_MAX = 255;

    private static final int VOLUMES_MAX = 2;
    private static final int CHUNK_DEFAULT_SECTORS = 256;
    private static final int CHUNK_RAID1_SECTORS = 128;
    private static final int CHUNK_SECTORS_MIN = 4;
    private static final int CHUNK_SECTORS_MAX = 0x8000;

    static ImsmContainer container(List<NewDisk> disks) throws MetadataRefused {
        if (disks.isEmpty() || disks.size() > DISKS_MAX) {
            throw new MetadataRefused(
                    "an IMSM container has 1 to %d disks, not %d; name its disks".formatted(DISKS_MAX, disks.size()));
        }
        Set<String> serials = new HashSet<>();
        int sector = disks.getFirst().geometry().sectorBytes();
        List<ImsmMember> members = new ArrayList<>();
        for (NewDisk disk : disks) {
            String serial = Printable.of(disk.serial());
            if (disk.serial().isEmpty()
                    || !ImsmSerial.text(ImsmSerial.raw(disk.serial())).equals(disk.serial())) {
                throw new MetadataRefused(
                        "serial '%s' does not fit IMSM metadata: 1 to 16 Latin-1 characters; choose another"
                                .formatted(serial));
            }
            if (!serials.add(disk.serial())) {
                throw new MetadataRefused(
                        "two disks have the serial '%s', which alone tells the members apart; choose another"
                                .formatted(serial));
            }
            if (disk.geometry().sectorBytes() != sector) {
                throw new MetadataRefused(
                        "disk '%s' has sectors of %d bytes and the first one %d; take disks of one kind"
                                .formatted(serial, disk.geometry().sectorBytes(), sector));
            }
            if (disk.geometry().sizeBytes() % sector != 0
                    || disk.geometry().sizeSectors() < ImsmReservation.MPB_SECTORS) {
                throw new MetadataRefused(
                        "disk '%s' is too small for IMSM metadata or no whole number of sectors (%d bytes); take a larger one"
                                .formatted(serial, disk.geometry().sizeBytes()));
            }
            members.add(
                    new ImsmMember(disk.disk(), disk.geometry(), disk.serial(), disk.busAddress(), ImsmMember.SPARE));
        }
        return new ImsmContainer(ImsmSpare.empty(0, 0), sector, members);
    }

    /** Everything that stands against the plan. */
    List<Objection> objections() {
        List<Objection> found = new ArrayList<>();
        objectToName(found);
        objectToLevel(found);
        objectToDisks(found);
        // Sizes have a meaning only where all else stands.
        if (found.isEmpty()) {
            objectToSize(found);
        }
        return found;
    }

    private static void object(List<Objection> found, String sentence) {
        found.add(new Objection(sentence));
    }

    private void objectToName(List<Objection> found) {
        String name = plan.name();
        if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,15}")) {
            object(
                    found,
                    "the name '%s' is not lawful for IMSM: 1 to 16 of letters, digits, '.', '_' and '-', not beginning with '.' or '-'; choose another"
                            .formatted(Printable.of(name)));
        }
        if (container.mpb().devs().stream().anyMatch(dev -> dev.nameText().equals(name))) {
            object(found, "the container has a volume '%s' already; choose another name".formatted(Printable.of(name)));
        }
    }

    private void objectToLevel(List<Objection> found) {
        int members = plan.slots().size();
        switch (plan.level()) {
            case RAID0 -> {
                if (members < 2) {
                    object(found, "a RAID0 of %d members makes no sense; name 2 or more disks".formatted(members));
                }
            }
            case RAID1 -> {
                if (members != 2) {
                    object(
                            found,
                            "IMSM knows RAID1 of exactly 2 members, not of %d; use RAID10 for more".formatted(members));
                }
            }
            case RAID5 -> {
                if (members < 3) {
                    object(found, "a RAID5 of %d members does not exist; name 3 or more disks".formatted(members));
                }
            }
            case RAID10 -> {
                if (members < 4 || members % 2 != 0) {
                    object(
                            found,
                            "IMSM knows RAID10 of 4, 6, 8... members, not of %d; name an even number"
                                    .formatted(members));
                }
            }
            case LINEAR, RAID4, RAID6 ->
                object(
                        found,
                        "IMSM has no %s; choose raid0, raid1, raid5 or raid10"
                                .formatted(plan.level().word()));
        }
        int chunk = chunkSectors();
        int unit = container.sectorBytes() / 512;
        if (Integer.bitCount(chunk) != 1 || chunk < Math.max(CHUNK_SECTORS_MIN, unit) || chunk > CHUNK_SECTORS_MAX) {
            object(
                    found,
                    "a chunk of %d bytes is not lawful for IMSM; choose a power of two from %d bytes to 16 MiB"
                            .formatted(plan.chunkBytes().orElse(0), Math.max(CHUNK_SECTORS_MIN, unit) * 512));
        }
        if (ImsmPolicy.of(plan.policy(), plan.level(), ImsmPolicy.MULTIPLE_OFF) < 0) {
            object(
                    found,
                    "IMSM has no consistency policy '%s' for %s; choose resync"
                            .formatted(plan.policy().word(), plan.level().word()));
        }
    }

    private void objectToDisks(List<Objection> found) {
        ImsmSuper mpb = container.mpb();
        if (mpb.devs().size() >= VOLUMES_MAX) {
            object(
                    found,
                    "the container has %d volumes already, and no more fit; make another container"
                            .formatted(mpb.devs().size()));
            return;
        }
        if (mpb.generalMigrationRuns()) {
            object(found, "a reshape is under way in the container; finish it first");
        }
        Set<Integer> seen = new HashSet<>();
        for (OptionalInt disk : plan.slots()) {
            if (disk.isPresent() && container.memberOf(disk.getAsInt()).isEmpty()) {
                object(found, "disk %d is not in the container; add it first".formatted(disk.getAsInt()));
            } else if (disk.isPresent() && !seen.add(disk.getAsInt())) {
                object(found, "disk %d is named for two slots; name each disk once".formatted(disk.getAsInt()));
            }
        }
        if (seen.isEmpty() || (missing() > 0 && stateWithMissing() == ImsmMap.FAILED)) {
            object(
                    found,
                    "%d members are missing, more than %s survives; name more disks"
                            .formatted(missing(), plan.level().word()));
        }
        if (!mpb.devs().isEmpty() && !sameDisksAsFirst()) {
            object(
                    found,
                    "a second volume must be on the disks of the first, all present and in the same slots; name them so");
        }
    }

    private boolean sameDisksAsFirst() {
        ImsmMap first = container.mpb().devs().getFirst().vol().map();
        if (first.members() != plan.slots().size()) {
            return false;
        }
        for (int slot = 0; slot < first.members(); slot++) {
            int index = first.slots().get(slot).index();
            OptionalInt disk = plan.slots().get(slot);
            if (!container.usable(index)
                    || disk.isEmpty()
                    || !container.indexOf(disk.getAsInt()).equals(OptionalInt.of(index))) {
                return false;
            }
        }
        return true;
    }

    private void objectToSize(List<Objection> found) {
        ImsmRoom room = ImsmRoom.largest(container, membersInOrder());
        long wished = plan.memberSectors().orElse(room.sectors());
        if (wished > room.sectors()) {
            object(
                    found,
                    "%d bytes on each member are wished, and there is room for %d; choose a smaller size"
                            .formatted(wished * 512, Math.max(0, room.sectors()) * 512));
        } else if (shareSectors(room) == 0) {
            object(
                    found,
                    "%d bytes on each member are less than the smallest volume (%d bytes); choose a larger size or larger disks"
                            .formatted(Math.max(0, wished) * 512, granule() * 512));
        }
    }

    private List<ImsmMember> membersInOrder() {
        List<ImsmMember> members = new ArrayList<>();
        for (OptionalInt disk : plan.slots()) {
            if (disk.isPresent()) {
                members.add(container.memberOf(disk.getAsInt()).orElseThrow());
            }
        }
        return members;
    }

    private int missing() {
        return (int) plan.slots().stream().filter(OptionalInt::isEmpty).count();
    }

    private int chunkSectors() {
        if (plan.level() == RaidLevel.RAID1) {
            return CHUNK_RAID1_SECTORS;
        }
        int bytes = plan.chunkBytes().orElse(CHUNK_DEFAULT_SECTORS * 512);
        return bytes % 512 == 0 ? bytes / 512 : 0;
    }

    private int dataMembers() {
        return ImsmGeometry.dataMembers(plan.level(), plan.slots().size());
    }

    private int copies() {
        return plan.level() == RaidLevel.RAID1 || plan.level() == RaidLevel.RAID10 ? 2 : 1;
    }

    /** Members' shares are whole MiB and whole chunks; for mirrors whole pairs of chunks, which is how their stripes are counted. */
    private long granule() {
        return Math.max(ImsmGeometry.GRANULE_SECTORS, (long) chunkSectors() * copies());
    }

    private long shareSectors(ImsmRoom room) {
        long wished = Math.min(plan.memberSectors().orElse(room.sectors()), room.sectors());
        return wished <= 0 ? 0 : wished - wished % granule();
    }

    ImsmContainer create(Seeds seeds) throws MetadataRefused {
        List<Objection> objections = objections();
        if (!objections.isEmpty()) {
            throw new MetadataRefused(objections.getFirst().sentence());
        }
        ImsmRoom room = ImsmRoom.largest(container, membersInOrder());
        ImsmContainer attached = container.mpb().devs().isEmpty() ? withTable() : container;
        ImsmSuper mpb = attached.mpb();
        int created = (mpb.volumesCreated() + 1) & 0xFFFF;
        List<ImsmDev> devs = new ArrayList<>(mpb.devs());
        devs.add(dev(attached, room, created));
        boolean first = mpb.devs().isEmpty();
        long time = first ? seeds.epochSeconds().orElse(0L) : mpb.creationTime();
        mpb = mpb.withDevs(devs).withCreation(ImsmSuper.VERSION, attributes(mpb, devs.getLast()), created, time);
        if (first) {
            int family = seeds.random() + ImsmChecksum.of(mpb.encode(512), mpb.bytes());
            // 0 would read as "never set".
            int named = family == 0 ? 1 : family;
            mpb = mpb.withFamily(named, named);
        }
        return attached.withMpb(mpb);
    }

    /** The disk table of the first volume: its slots in order. Disks that have no slot stay spares. */
    private ImsmContainer withTable() {
        List<ImsmDisk> disks = new ArrayList<>();
        List<ImsmMember> members = new ArrayList<>(container.members());
        long largest = 0;
        for (ImsmMember member : membersInOrder()) {
            largest = Math.max(largest, member.geometry().sizeSectors());
        }
        int missing = 0;
        for (OptionalInt slot : plan.slots()) {
            int index = disks.size();
            if (slot.isEmpty()) {
                disks.add(ImsmDisk.fresh(
                        "missing:" + missing++,
                        largest,
                        ImsmDisk.SCSI_ID_MISSING,
                        ImsmDisk.CONFIGURED | ImsmDisk.FAILED));
            } else {
                ImsmMember member = container.memberOf(slot.getAsInt()).orElseThrow();
                disks.add(ImsmDisk.fresh(
                        member.serial(), member.geometry().sizeSectors(), member.busAddress(), ImsmDisk.CONFIGURED));
                members.remove(member);
                members.add(member.withIndex(index));
            }
        }
        return container.withMpb(ImsmSpare.empty(0, 0).withDisks(disks)).withMembers(members);
    }

    private ImsmDev dev(ImsmContainer attached, ImsmRoom room, int volumeId) {
        long share = shareSectors(room);
        int chunk = chunkSectors();
        long size = share * dataMembers();
        long perMember = share + ImsmGeometry.GRANULE_SECTORS;
        if (plan.level() != RaidLevel.RAID1) {
            perMember -= perMember % chunk;
        }
        List<ImsmOrd> ords = ords(attached);
        int failedSlot = missing() == 0 ? ImsmMap.NO_FAILED_SLOT : plan.slots().indexOf(OptionalInt.empty());
        ImsmMap map = new ImsmMap(
                room.firstSector(),
                perMember,
                size / dataMembers() / copies() / chunk,
                chunk,
                initialState(),
                levelOnDisk(),
                copies(),
                failedSlot,
                1,
                Bytes.zeros(ImsmMap.FILLER_BYTES),
                ords);
        ImsmVol vol = new ImsmVol(
                0, 0, 0, 0, needsSync() ? ImsmVol.DIRTY : 0, 0, 0, 0, Bytes.zeros(ImsmVol.FILLER_BYTES), map, null);
        return new ImsmDev(
                rawName(plan.name()),
                size,
                ImsmDev.READ_COALESCING | ImsmDev.WRITE_COALESCING,
                0,
                Bytes.zeros(ImsmDev.CLONE_FIELDS_BYTES),
                volumeId,
                Bytes.zeros(ImsmDev.CACHE_FIELDS_BYTES),
                ImsmPolicy.of(plan.policy(), plan.level(), ImsmPolicy.MULTIPLE_OFF),
                Bytes.zeros(ImsmDev.JOURNAL_SERIAL_BYTES),
                Bytes.zeros(ImsmDev.FILLER_BYTES),
                vol);
    }

    private List<ImsmOrd> ords(ImsmContainer attached) {
        List<ImsmOrd> ords = new ArrayList<>();
        for (int slot = 0; slot < plan.slots().size(); slot++) {
            OptionalInt disk = plan.slots().get(slot);
            ords.add(
                    disk.isEmpty()
                            ? ImsmOrd.outOfSync(slot)
                            : ImsmOrd.inSync(attached.indexOf(disk.getAsInt()).orElseThrow()));
        }
        return ords;
    }

    private static Bytes rawName(String name) {
        byte[] raw = new byte[ImsmDev.NAME_BYTES];
        byte[] text = name.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, raw, 0, text.length);
        return Bytes.of(raw);
    }

    /** Four members of RAID10 are stored as level 1 for old readers, more as level 10. */
    private int levelOnDisk() {
        return plan.level() == RaidLevel.RAID10 && plan.slots().size() == 4
                ? 1
                : plan.level().number();
    }

    /** Members must be made to agree where more than one holds the same data and nobody vouches for them. */
    private boolean needsSync() {
        return switch (plan.level()) {
            case RAID1, RAID5 -> missing() == 0 && !plan.assumeClean();
            case RAID10 -> !plan.assumeClean();
            default -> false;
        };
    }

    private int initialState() {
        if (missing() > 0) {
            return stateWithMissing();
        }
        return needsSync() ? ImsmMap.UNINITIALIZED : ImsmMap.NORMAL;
    }

    private int stateWithMissing() {
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

    private int attributes(ImsmSuper mpb, ImsmDev dev) {
        int bits = mpb.attributes() | ImsmAttributes.CHECKSUM_VERIFY;
        bits |= switch (plan.level()) {
            case RAID0 -> ImsmAttributes.RAID0;
            case RAID1 -> ImsmAttributes.RAID1;
            case RAID5 -> ImsmAttributes.RAID5;
            // RAID10_EXT is left out for more than 4 members: mdadm 4.2 activates nothing that carries it, and no
            // reader asks for it.
            case RAID10 -> ImsmAttributes.RAID10;
            case LINEAR, RAID4, RAID6 -> 0;
        };
        if (mpb.disks().stream().anyMatch(disk -> disk.totalBlocks() > 0xFFFF_FFFFL)) {
            bits |= ImsmAttributes.DISK_2TB;
        }
        return dev.sizeSectors() > 0xFFFF_FFFFL ? bits | ImsmAttributes.VOLUME_2TB : bits;
    }
}
