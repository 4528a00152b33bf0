import java.util.concurrent.TimeUnit

/** Runs a Jenkinsfile that Check found good. What leaves the Groovy world goes through `ask`. */
class Build {
    private final Closure ask
    private final String branch
    private final Map<String, String> environment
    private final Map<String, String> stageResults = [:]
    private String result = 'SUCCESS'

    /**
     * @param ask called with a map, what the node is to do, returns its answer; throws StepFailed
     * @param branch that is built
     * @param variables of Jenkins' own: global properties and what it gives to each build
     */
    Build(Closure ask, String branch, Map<String, String> variables) {
        this.ask = ask
        this.branch = branch
        this.environment = variables + [BRANCH_NAME: branch]
    }

    /** Run it; return the build's result and the stages'. */
    Map run(String text) {
        def script = new GroovyShell().parse(text, 'Jenkinsfile')
        script.metaClass.pipeline = { Closure body -> pipeline(read(body)) }
        script.run()
        [result: result, stages: stageResults]
    }

    private void pipeline(Section section) {
        // The node is found, and the sources are checked out, before anything else: GIT_COMMIT is known below.
        environment.putAll(ask(does: 'checkout'))
        setEnvironment(section)
        withTimeout(section.block('options')) { stages(section.block('stages')) }
        post('pipeline', section, result)
    }

    private void stages(Section section) {
        section.calls.each { stage(it.arguments[0], read(it.arguments[1])) }
    }

    private void stage(String name, Section section) {
        if (result in ['FAILURE', 'ABORTED']) {
            ask(does: 'say', text: "Stage \"$name\" skipped due to earlier failure(s)".toString())
            stageResults[name] = 'NOT_BUILT'
            return
        }
        ask(does: 'stage', name: name)
        def before = environment.clone()
        def when = section.block('when')
        def early = when?.value('beforeAgent') == 'true'
        if (early && !passes(name, when)) {
            return
        }
        inAgent(name, section) {
            if (when && !early && !passes(name, when)) {
                return
            }
            setEnvironment(section)
            def outcome = withTimeout(section.block('options')) {
                section.has('stages') ? stages(section.block('stages')) : steps(section.body('steps'))
            }
            stageResults[name] = post(name, section, outcome)
        }
        environment.clear()
        environment.putAll(before)
    }

    private boolean passes(String name, Section when) {
        if (when.has('branch') && when.value('branch') != branch) {
            ask(does: 'say', text: "Stage \"$name\" skipped due to when conditional".toString())
            stageResults[name] = 'SKIPPED'
            return false
        }
        true
    }

    private void inAgent(String name, Section section, Closure body) {
        def docker = section.block('agent')?.block('docker')
        if (!docker) {
            body()
            return
        }
        def started = attempt {
            ask(does: 'start', image: docker.value('image'), args: docker.value('args') ?: '', environment: environment)
        }
        if (started != 'SUCCESS') {
            stageResults[name] = started
            return
        }
        try {
            body()
        } finally {
            ask(does: 'stop')
        }
    }

    /** Run what follows a stage or the pipeline; return what the outcome is then. */
    private String post(String name, Section section, String outcome) {
        def conditions = section.block('post')
        Directives.POST.findAll { conditions?.has(it) && applies(it, outcome) }.each {
            ask(does: 'say', text: "Post $it of $name".toString())
            outcome = worse(outcome, steps(conditions.body(it)))
        }
        outcome
    }

    private static boolean applies(String condition, String outcome) {
        condition in ['always', 'cleanup', outcome.toLowerCase()] || condition == 'unsuccessful' && outcome != 'SUCCESS'
    }

    private String withTimeout(Section options, Closure body) {
        def limit = options?.named('timeout')
        if (!limit) {
            return attempt(body)
        }
        def unit = TimeUnit.valueOf(limit.unit ?: 'MINUTES')
        ask(does: 'limit', seconds: unit.toSeconds(limit.time))
        try {
            return attempt(body)
        } finally {
            ask(does: 'unlimit')
        }
    }

    private String steps(Closure body) {
        attempt { scoped(body, new Steps(this)) }
    }

    /** Do it; return how it ended. The build's result is at least as bad then. */
    private String attempt(Closure body) {
        def before = result
        result = 'SUCCESS'
        try {
            body()
        } catch (StepFailed failed) {
            ask(does: 'say', text: failed.message)
            result = worse(result, failed.outcome)
        }
        def outcome = result
        result = worse(before, outcome)
        outcome
    }

    private static String worse(String one, String other) {
        ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED'].with { it[Math.max(it.indexOf(one), it.indexOf(other))] }
    }

    /** Run one step; arguments are as the Jenkinsfile has them. */
    def step(String name, Object[] arguments) {
        if (name == 'script') {
            return scoped(arguments[0], new Steps(this))
        }
        def named = arguments && arguments[0] instanceof Map ? arguments[0] : [:]
        if (arguments && !named) {
            named = [(Directives.STEPS[name][0]): arguments[0]]
        }
        if (name == 'error') {
            throw new StepFailed(named.message, 'FAILURE')
        }
        def texts = named.collectEntries { parameter, value -> [parameter, value instanceof GString ? value as String : value] }
        def answer = ask(does: name, environment: environment, arguments: texts)
        if (name == 'junit' && answer) {
            result = worse(result, 'UNSTABLE')
        }
    }

    def lookUp(String name) {
        if (name == 'env') {
            return environment
        }
        if (!(name in environment)) {
            throw new StepFailed("groovy.lang.MissingPropertyException: No such property: $name", 'FAILURE')
        }
        environment[name]
    }

    private void setEnvironment(Section section) {
        if (section.has('environment')) {
            scoped(section.body('environment'), new Variables(this, environment))
        }
    }

    Section read(Closure body) {
        def section = new Section(this)
        scoped(body, section)
        section
    }

    static scoped(Closure body, delegate) {
        body.delegate = delegate
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body()
    }
}
