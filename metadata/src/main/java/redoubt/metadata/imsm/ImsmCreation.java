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

/**
 * Makes containers and volumes by the rules of mdadm (mdadm, super-intel.c, init_super_imsm_volume and add_to_super_imsm_volume).
 *
 * @param shape what follows from the wish
 */
record ImsmCreation(ImsmShape shape) {

    /** num_disks is one byte. */
    static final int DISKS_MAX = 255;

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

    ImsmContainer create(Seeds seeds) throws MetadataRefused {
        List<Objection> objections = new ImsmObjections(shape).objections();
        if (!objections.isEmpty()) {
            throw new MetadataRefused(objections.getFirst().sentence());
        }
        ImsmRoom room = ImsmRoom.largest(shape.container(), shape.membersInOrder());
        ImsmContainer attached = shape.container().mpb().devs().isEmpty() ? withTable() : shape.container();
        ImsmSuper mpb = attached.mpb();
        int created = (mpb.header().volumesCreated() + 1) & 0xFFFF;
        List<ImsmDev> devs = new ArrayList<>(mpb.devs());
        devs.add(dev(attached, room, created));
        boolean first = mpb.devs().isEmpty();
        long time = first ? seeds.epochSeconds().orElse(0L) : mpb.creationTime();
        mpb = mpb.withDevs(devs).withHeader(mpb.header().withCreation(attributes(mpb, devs.getLast()), created, time));
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
        List<ImsmMember> members = new ArrayList<>(shape.container().members());
        long largest = 0;
        for (ImsmMember member : shape.membersInOrder()) {
            largest = Math.max(largest, member.geometry().sizeSectors());
        }
        int missing = 0;
        for (OptionalInt slot : shape.plan().slots()) {
            int index = disks.size();
            if (slot.isEmpty()) {
                disks.add(ImsmDisk.fresh(
                        "missing:" + missing++,
                        largest,
                        ImsmDisk.SCSI_ID_MISSING,
                        ImsmDisk.CONFIGURED | ImsmDisk.FAILED));
            } else {
                ImsmMember member = shape.container().memberOf(slot.getAsInt()).orElseThrow();
                disks.add(ImsmDisk.fresh(
                        member.serial(), member.geometry().sizeSectors(), member.busAddress(), ImsmDisk.CONFIGURED));
                members.remove(member);
                members.add(member.withIndex(index));
            }
        }
        return shape.container().withMpb(ImsmSpare.empty(0, 0).withDisks(disks)).withMembers(members);
    }

    private ImsmDev dev(ImsmContainer attached, ImsmRoom room, int volumeId) {
        long share = shape.shareSectors(room);
        int chunk = shape.chunkSectors();
        long size = share * shape.dataMembers();
        long perMember = share + ImsmGeometry.GRANULE_SECTORS;
        if (shape.plan().level() != RaidLevel.RAID1) {
            perMember -= perMember % chunk;
        }
        List<ImsmOrd> ords = ords(attached);
        int failedSlot = shape.missing() == 0
                ? ImsmMap.NO_FAILED_SLOT
                : shape.plan().slots().indexOf(OptionalInt.empty());
        ImsmMap map = new ImsmMap(
                room.firstSector(),
                perMember,
                size / shape.dataMembers() / shape.copies() / chunk,
                chunk,
                initialState(),
                levelOnDisk(),
                shape.copies(),
                failedSlot,
                1,
                Bytes.zeros(ImsmMap.FILLER_BYTES),
                ords);
        ImsmVol vol = new ImsmVol(
                0, 0, 0, 0, needsSync() ? ImsmVol.DIRTY : 0, 0, 0, 0, Bytes.zeros(ImsmVol.FILLER_BYTES), map, null);
        return new ImsmDev(
                rawName(shape.plan().name()),
                size,
                ImsmDev.READ_COALESCING | ImsmDev.WRITE_COALESCING,
                0,
                Bytes.zeros(ImsmDev.CLONE_FIELDS_BYTES),
                volumeId,
                Bytes.zeros(ImsmDev.CACHE_FIELDS_BYTES),
                ImsmPolicy.of(shape.plan().policy(), shape.plan().level(), ImsmPolicy.MULTIPLE_OFF),
                Bytes.zeros(ImsmDev.JOURNAL_SERIAL_BYTES),
                Bytes.zeros(ImsmDev.FILLER_BYTES),
                vol);
    }

    private List<ImsmOrd> ords(ImsmContainer attached) {
        List<ImsmOrd> ords = new ArrayList<>();
        for (int slot = 0; slot < shape.plan().slots().size(); slot++) {
            OptionalInt disk = shape.plan().slots().get(slot);
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
        return shape.plan().level() == RaidLevel.RAID10 && shape.plan().slots().size() == 4
                ? 1
                : shape.plan().level().number();
    }

    /** Members must be made to agree where more than one holds the same data and nobody vouches for them. */
    private boolean needsSync() {
        return switch (shape.plan().level()) {
            case RAID1, RAID5 -> shape.missing() == 0 && !shape.plan().assumeClean();
            case RAID10 -> !shape.plan().assumeClean();
            default -> false;
        };
    }

    private int initialState() {
        if (shape.missing() > 0) {
            return shape.stateWithMissing();
        }
        return needsSync() ? ImsmMap.UNINITIALIZED : ImsmMap.NORMAL;
    }

    private int attributes(ImsmSuper mpb, ImsmDev dev) {
        int bits = mpb.attributes() | ImsmAttributes.CHECKSUM_VERIFY;
        bits |= switch (shape.plan().level()) {
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
