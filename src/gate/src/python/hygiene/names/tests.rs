use super::*;

#[test]
fn lists_are_sorted_for_the_search() {
    for list in [PROCESS, NETWORK, NATIVE, MACHINERY] {
        assert!(list.is_sorted(), "{list:?}");
    }
}

#[test]
fn the_longest_known_prefix_decides() {
    assert_eq!(door("os.path.join"), None);
    assert_eq!(door("os.system"), Some(Door::Needs(Capability::Process)));
    assert_eq!(door("subprocess.run"), Some(Door::Needs(Capability::Process)));
    assert_eq!(door("urllib.parse"), None);
    assert_eq!(door("urllib.request.urlopen"), Some(Door::Needs(Capability::Network)));
    assert_eq!(door("importlib.util"), Some(Door::Machinery));
    assert_eq!(door("math"), None);
}
