/** A block of directives: names and arguments, in order. */
class Section {
    final List<Map> calls = []
    private final Build build

    Section(Build build) {
        this.build = build
    }

    def methodMissing(String name, arguments) {
        if (!(name in Directives.VALUES)) {
            calls << [name: name, arguments: arguments as List]
        }
    }

    def propertyMissing(String name) {
        name in ['any', 'none'] ? name : build.lookUp(name)
    }

    boolean has(String name) {
        calls.any { it.name == name }
    }

    Section block(String name) {
        body(name) instanceof Closure ? build.read(body(name)) : null
    }

    Closure body(String name) {
        def last = calls.find { it.name == name }?.arguments?.getAt(-1)
        last instanceof Closure ? last : null
    }

    String value(String name) {
        calls.find { it.name == name }?.arguments?.getAt(0)
    }

    Map named(String name) {
        calls.find { it.name == name }?.arguments?.getAt(0)
    }
}
