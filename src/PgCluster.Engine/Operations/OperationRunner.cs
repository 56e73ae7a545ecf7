namespace PgCluster.Engine.Operations;

/// <summary>
/// Runs steps in order. The rule, in full:
/// a step's undo is registered before the step runs, so that a step which failed half-way is undone too;
/// the first failure before the point of no return stops the run and undoes in reverse order, under a budget of its own that
/// begins when the undoing begins and that the caller's cancellation does not touch;
/// once a step that is the point of no return has begun, nothing is undone and cancellation is not heard: every remaining step is
/// tried, those that nobody waits for again and again within their budget while somebody does not answer, and what failed is reported.
/// </summary>
public sealed class OperationRunner
{
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(100);

    private readonly TimeProvider _time;
    private readonly TimeSpan _undoBudget;
    private readonly IOperationObserver? _observer;

    /// <summary>Makes a runner.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="undoBudget">How long each undo may take.</param>
    /// <param name="observer">Is told of each step; null for nobody.</param>
    public OperationRunner(TimeProvider time, TimeSpan undoBudget, IOperationObserver? observer = null)
    {
        _time = time;
        _undoBudget = undoBudget;
        _observer = observer;
    }

    /// <summary>Runs <paramref name="steps"/>. Never throws: what went wrong is in the result.</summary>
    /// <param name="steps">The steps in order.</param>
    /// <param name="cancellationToken">Asks for the run to stop; heard only before the point of no return.</param>
    public async Task<OperationResult> RunAsync(IReadOnlyList<OperationStep> steps, CancellationToken cancellationToken)
    {
        var run = new Run(_time, _observer);
        var begun = new Stack<OperationStep>();
        PgClusterException? error = null;
        var committed = false;

        foreach (var step in steps)
        {
            committed |= step.Plan.PointOfNoReturn && !cancellationToken.IsCancellationRequested && error is null;
            if (error is not null && !committed)
            {
                break;
            }

            begun.Push(step);
            var failure = await run.TryAsync(
                step.Plan, StepPhase.Run, committed && step.TriesAgain ? Persistently(step.RunAsync) : step.RunAsync, TimeSpan.FromSeconds(step.Plan.BudgetSeconds),
                committed ? CancellationToken.None : cancellationToken).ConfigureAwait(false);

            // A point of no return that said no has decided nothing: the store refused the decision, so the old state can be kept.
            if (failure is not null && step.Plan.PointOfNoReturn && failure.Reason is Reason.PlanStale or Reason.LockLost)
            {
                committed = false;
            }

            error ??= failure;
        }

        var undoFailed = false;
        while (begun.TryPop(out var step))
        {
            if (error is not null && !committed && step.UndoAsync is { } undo)
            {
                undoFailed |= await run.TryAsync(step.Plan, StepPhase.Undo, undo, _undoBudget, CancellationToken.None).ConfigureAwait(false) is not null;
            }

            if (step.FinallyAsync is { } last)
            {
                undoFailed |= await run.TryAsync(step.Plan, StepPhase.Release, last, _undoBudget, CancellationToken.None).ConfigureAwait(false) is not null;
            }
        }

        var outcome = (error, committed, undoFailed) switch
        {
            (null, _, _) => OperationOutcome.Succeeded,
            (_, false, false) => OperationOutcome.RolledBack,
            _ => OperationOutcome.NeedsOperator,
        };
        return new OperationResult(outcome, run.Steps, error, run.StartedAt, run.Elapsed);
    }

    /// <summary>The only way is forward: whoever does not answer now may do so before the budget is over.</summary>
    private Func<CancellationToken, Task<string>> Persistently(Func<CancellationToken, Task<string>> action) => async cancellationToken =>
    {
        PgClusterException? silence = null;
        while (true)
        {
            try
            {
                return await action(cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e) when (e.Reason is Reason.StoreUnavailable or Reason.NoQuorum or Reason.AgentUnreachable or Reason.PoolerUnreachable)
            {
                silence = e;
            }
            catch (OperationCanceledException) when (silence is not null)
            {
                throw silence;
            }

            await Task.Delay(BetweenTries, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested)
            {
                throw silence;
            }
        }
    };

    private sealed class Run(TimeProvider time, IOperationObserver? observer)
    {
        private readonly long _began = time.GetTimestamp();

        public DateTimeOffset StartedAt { get; } = time.GetUtcNow();

        public TimeSpan Elapsed => time.GetElapsedTime(_began);

        public List<StepReport> Steps { get; } = [];

        public async Task<PgClusterException?> TryAsync(
            PlanStep step, StepPhase phase, Func<CancellationToken, Task<string>> action, TimeSpan budget, CancellationToken cancellationToken)
        {
            observer?.StepStarting(step, phase);
            var started = Elapsed;
            using var budgetSource = new CancellationTokenSource(budget, time);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(budgetSource.Token, cancellationToken);
            PgClusterException? failure = null;
            var detail = "";
            try
            {
                cancellationToken.ThrowIfCancellationRequested();
                detail = await action(linked.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
            {
                failure = new PgClusterException(Reason.Cancelled, $"cancelled during step '{step.Name}'", e);
            }
            catch (OperationCanceledException e) when (budgetSource.IsCancellationRequested)
            {
                failure = new PgClusterException(
                    Reason.StepTimeout, $"step '{step.Name}' did not finish within {budget.TotalSeconds:0.###} s", e) { Target = step.Node };
            }
            catch (PgClusterException e)
            {
                failure = e;
            }
#pragma warning disable CA1031 // Whatever a step throws must not keep the undo of the others from running.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = new PgClusterException(Reason.Internal, $"step '{step.Name}' failed: {e.Message}", e) { Target = step.Node };
            }

            var report = new StepReport(
                step.Name, phase, step.Node, started.TotalSeconds, (Elapsed - started).TotalSeconds, failure is null, failure?.Message ?? detail);
            Steps.Add(report);
            observer?.StepFinished(report);
            return failure;
        }
    }
}
