import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.*
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.CompilationFailedException
import org.codehaus.groovy.control.Phases
import org.codehaus.groovy.syntax.Types

import java.util.concurrent.TimeUnit

/** Finds what Jenkins would refuse in a Jenkinsfile before it runs anything: syntax, directives and steps. */
class Check {
    private final List<String> errors = []

    /** Return one line for each mistake in the text of a Jenkinsfile, none if it is good. */
    static List<String> errorsOf(String text) {
        def statements
        try {
            new GroovyShell().parse(text, 'Jenkinsfile')
            def unit = new CompilationUnit()
            unit.addSource('Jenkinsfile', text)
            unit.compile(Phases.CONVERSION)
            statements = unit.AST.modules[0].statementBlock.statements
        } catch (CompilationFailedException mistake) {
            return [mistake.message.readLines()*.trim().join(' ')]
        }
        def check = new Check()
        check.file(statements)
        check.errors
    }

    private void file(List statements) {
        def call = statements.size() == 1 ? callOf(statements[0]) : null
        if (call?.methodAsString != 'pipeline' || !block(call)) {
            errors << 'A Jenkinsfile is one block "pipeline { ... }".'
            return
        }
        def found = calls('pipeline', call, Directives.PIPELINE)
        demand('pipeline', call, found, ['agent', 'stages'])
        common(found, Directives.PIPELINE_OPTIONS)
        stages(found.stages)
    }

    private void common(Map<String, MethodCallExpression> found, Map options) {
        agent(found.agent)
        environment(found.environment)
        inBlock('options', found.options, options.keySet()).each { name, call -> option(call, options[name]) }
        inBlock('post', found.post, Directives.POST).each { name, call -> steps("post $name", call) }
    }

    private void stages(MethodCallExpression call) {
        if (!call) {
            return
        }
        def names = []
        statements(call).each { statement ->
            def stage = callOf(statement)
            if (stage?.methodAsString != 'stage' || !(arguments(stage)[0] instanceof ConstantExpression) || !block(stage)) {
                report(statement, 'expected "stage(\'NAME\') { ... }"')
                return
            }
            names << arguments(stage)[0].value
            this.stage(names[-1], stage)
        }
        if (!names) {
            report(call, '"stages" holds no stage')
        }
        names.findAll { names.count(it) > 1 }.unique().each { report(call, "there are several stages \"$it\"") }
    }

    private void stage(String name, MethodCallExpression call) {
        def found = calls("stage \"$name\"", call, Directives.STAGE)
        if (!found.steps == !found.stages) {
            report(call, "stage \"$name\" needs either \"steps\" or \"stages\"")
        }
        common(found, Directives.STAGE_OPTIONS)
        inBlock('when', found.when, Directives.WHEN).each { word, condition -> when(condition) }
        stages(found.stages)
        if (found.steps) {
            steps("stage \"$name\"", found.steps)
        }
    }

    private void option(MethodCallExpression call, List known) {
        parameters(call, known)
        if (block(call)) {
            report(call, "option $call.methodAsString takes no block")
        }
        if (call.methodAsString == 'timeout' && !(constant(call, 'time') instanceof Integer)) {
            report(call, 'timeout needs a number as "time"')
        }
        if (constant(call, 'unit') && !(constant(call, 'unit') in TimeUnit.values()*.name())) {
            report(call, "timeout knows no unit ${constant(call, 'unit')}")
        }
        arguments(call).findAll { it instanceof MethodCallExpression }.each { value ->
            if (value.methodAsString in Directives.VALUES) {
                parameters(value, Directives.VALUES[value.methodAsString])
            } else {
                report(value, "unknown \"$value.methodAsString\" in $call.methodAsString")
            }
        }
    }

    private static constant(MethodCallExpression call, String parameter) {
        entries(call).find { it.keyExpression.value == parameter }?.valueExpression?.value
    }

    private void when(MethodCallExpression call) {
        if (call.methodAsString == 'branch' && !(arguments(call).size() == 1 && isText(arguments(call)[0]))) {
            report(call, 'branch takes one text')
        }
    }

    private void agent(MethodCallExpression call) {
        if (!call) {
            return
        }
        if (!block(call)) {
            def word = arguments(call)[0]
            if (!(word instanceof VariableExpression && word.name in ['any', 'none'])) {
                report(call, 'expected "agent any", "agent none" or "agent { ... }"')
            }
            return
        }
        def found = calls('agent', call, ['docker', 'label'])
        if (found.size() != 1) {
            report(call, '"agent" holds one of label, docker')
        }
        if (found.docker) {
            def docker = calls('docker', found.docker, Directives.DOCKER)
            // There is one node here; without reuseNode Jenkins might take another, with a workspace of its own.
            demand('docker', found.docker, docker, ['image', 'reuseNode'])
        }
    }

    private void environment(MethodCallExpression call) {
        def names = []
        (call ? statements(call) : []).each { statement ->
            def pair = statement instanceof ExpressionStatement ? statement.expression : null
            if (pair instanceof BinaryExpression && pair.operation.type == Types.EQUAL &&
                pair.leftExpression instanceof VariableExpression && isText(pair.rightExpression)) {
                names << pair.leftExpression.name
            } else {
                report(statement, 'expected "NAME = \'text\'" in "environment"')
            }
        }
        if (call && (!names || names.toSet().size() != statements(call).size())) {
            report(call, '"environment" is empty or has a name twice')
        }
    }

    private static boolean isText(expression) {
        expression instanceof GStringExpression || expression instanceof ConstantExpression && expression.value instanceof String
    }

    private void steps(String where, MethodCallExpression call) {
        if (!block(call) || !statements(call)) {
            report(call, "$where holds no steps")
            return
        }
        statements(call).findAll { !callOf(it) }.each { report(it, "expected a step in $where; other Groovy needs \"script\"") }
        block(call).code.visit(new CodeVisitorSupport() {
            @Override
            void visitMethodCallExpression(MethodCallExpression inner) {
                if (inner.implicitThis) {
                    step(inner)
                }
                super.visitMethodCallExpression(inner)
            }
        })
    }

    protected void step(MethodCallExpression call) {
        def known = Directives.STEPS[call.methodAsString]
        if (known == null) {
            report(call, "unknown step \"$call.methodAsString\", known are ${Directives.STEPS.keySet().join(', ')}")
        } else {
            parameters(call, known)
        }
    }

    private void parameters(MethodCallExpression call, List known) {
        entries(call)*.keyExpression*.value.each {
            if (!(it in known)) {
                report(call, "$call.methodAsString has no parameter \"$it\"${known ? ", but ${known.join(', ')}" : ''}")
            }
        }
    }

    /** Return the directives in a call's block by name, and report others and those that come twice. */
    private Map<String, MethodCallExpression> calls(String where, MethodCallExpression outer, Collection known) {
        def found = [:]
        statements(outer).each { statement ->
            def name = callOf(statement)?.methodAsString
            if (!(name in known)) {
                report(statement, "${name ? "unknown directive \"$name\"" : 'no directive'} in $where, known are ${known.join(', ')}")
            } else if (found.put(name, callOf(statement))) {
                report(statement, "\"$name\" comes twice in $where")
            }
        }
        found
    }

    private Map<String, MethodCallExpression> inBlock(String name, MethodCallExpression call, Collection known) {
        def found = call ? calls(name, call, known) : [:]
        if (call && !found) {
            report(call, "\"$name\" is empty")
        }
        found
    }

    private void demand(String where, MethodCallExpression call, Map found, List names) {
        (names - found.keySet()).each { report(call, "$where lacks \"$it\"") }
    }

    private List statements(MethodCallExpression call) {
        if (!block(call)) {
            report(call, "\"$call.methodAsString\" needs a block")
            return []
        }
        block(call).code.statements
    }

    private void report(place, String mistake) {
        errors << "line $place.lineNumber: $mistake".toString()
    }

    private static MethodCallExpression callOf(statement) {
        def expression = statement instanceof ExpressionStatement ? statement.expression : null
        expression instanceof MethodCallExpression && expression.implicitThis ? expression : null
    }

    private static List arguments(MethodCallExpression call) {
        call.arguments.expressions
    }

    private static List<MapEntryExpression> entries(MethodCallExpression call) {
        arguments(call).findAll { it instanceof MapExpression }*.mapEntryExpressions.flatten()
    }

    private static ClosureExpression block(MethodCallExpression call) {
        arguments(call).find { it instanceof ClosureExpression }
    }
}
