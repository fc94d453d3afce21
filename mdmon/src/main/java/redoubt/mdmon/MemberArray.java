package redoubt.mdmon;

import java.util.List;

/**
 * What of an array stays the same while it is watched.
 *
 * @param name such as md126
 * @param path its {@code md} directory
 * @param index its number in the metadata
 * @param redundant whether its level survives a loss: others have no {@code sync_action}, and are never dirty
 * @param devices its members that are there
 */
record MemberArray(String name, String path, int index, boolean redundant, List<Device> devices) {

    MemberArray {
        devices = List.copyOf(devices);
    }

    /**
     * A member.
     *
     * @param name its directory is {@code dev-NAME}
     * @param slot its place in the array
     * @param serial by which its disk is known in the other arrays
     */
    record Device(String name, int slot, String serial) {}

    String attribute(String attribute) {
        return path + '/' + attribute;
    }

    String attribute(Device device, String attribute) {
        return path + "/dev-" + device.name() + '/' + attribute;
    }
}
