using PgCluster.Engine.Operations;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// One switchover, carried out. Before the flip the source stays in charge whatever happens, and what was copied stays for the next try; after it the
/// target is, and the rest is done as far as it can be.
/// </summary>
/// <param name="plan">Exactly these steps are run.</param>
/// <param name="site">The databases.</param>
/// <param name="engine">Carries the rows.</param>
/// <param name="participants">The application's nodes.</param>
/// <param name="route">The poolers; null when clients are not held back by them.</param>
/// <param name="progress">Is told how far the copy is.</param>
public sealed class SwitchoverRun(
    OperationPlan plan, ISwitchoverSite site, IDataEngine engine, ISwitchoverParticipants participants, IClientRoute? route,
    IProgress<SwitchoverProgress>? progress)
{
    /// <summary>True once the pointer has been flipped.</summary>
    public bool IsFlipped { get; private set; }

    /// <summary>The plan's steps with what carries them out.</summary>
    public IReadOnlyList<OperationStep> Steps() => [.. plan.Steps.Select(Step)];

    private OperationStep Step(PlanStep step) => step.Name switch
    {
        SwitchoverSteps.Lock => new OperationStep(step, site.LockAsync) { FinallyAsync = site.UnlockAsync },
        SwitchoverSteps.Announce => new OperationStep(step, participants.BeginAsync) { UndoAsync = ct => participants.CancelAsync("the run has failed", ct) },
        SwitchoverSteps.Schema => Guarded(step, site.BringSchemaAsync),
        SwitchoverSteps.Track => Guarded(step, engine.TrackAsync),
        SwitchoverSteps.Copy => Guarded(step, ct => engine.CopyAsync(new CopyProgress(participants, progress), ct)),
        SwitchoverSteps.Indexes => Guarded(step, site.FinishSchemaAsync),
        SwitchoverSteps.CatchUp => Guarded(step, engine.CatchUpAsync),
        SwitchoverSteps.Verify => Guarded(step, ct => site.VerifyAsync(engine.DrainAsync, ct)),
        SwitchoverSteps.Pause => Guarded(step, participants.PauseAsync),
        SwitchoverSteps.Route => Guarded(step, route!.PrepareAsync, route!.ReleaseAsync),
        SwitchoverSteps.Stop => Guarded(step, route!.StopAsync),
        SwitchoverSteps.Fence => Guarded(step, site.FenceAsync, site.UnfenceAsync),
        SwitchoverSteps.Drain => Guarded(step, engine.DrainAsync),
        SwitchoverSteps.Sequences => Guarded(step, site.CopySequencesAsync),
        SwitchoverSteps.Turn => Guarded(step, engine.TurnAsync, engine.TurnBackAsync),
        SwitchoverSteps.Open => Guarded(step, site.OpenTargetAsync, site.CloseTargetAsync),
        SwitchoverSteps.Flip => new OperationStep(step, FlipAsync),
        SwitchoverSteps.Repoint => Flipped(step, route!.SwitchAsync),
        SwitchoverSteps.Resume => Flipped(step, route!.ReleaseAsync),
        SwitchoverSteps.Done => Flipped(step, participants.FinishAsync),
        SwitchoverSteps.Back => Flipped(step, engine.FlowBackAsync),
        _ => throw new PgClusterException(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know"),
    };

    private CancellationToken StopLost => route?.StopLost ?? CancellationToken.None;

    /// <summary>Ends a step when the nodes call the run off, or when writers are no longer held back.</summary>
    private OperationStep Guarded(
        PlanStep step, Func<CancellationToken, Task<string>> run, Func<CancellationToken, Task<string>>? undo = null) => new(step, async cancellationToken =>
    {
        participants.Report(step.Description, null);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource([cancellationToken, participants.CalledOff, StopLost, site.FenceLost]);
        try
        {
            linked.Token.ThrowIfCancellationRequested();
            return await run(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && WhyOff() is { } why)
        {
            throw new PgClusterException(Reason.SwitchoverCalledOff, why);
        }
    })
    {
        UndoAsync = undo,
    };

    private string? WhyOff() =>
        participants.CalledOff.IsCancellationRequested ? participants.CalledOffBecause ?? "the nodes called it off"
        : StopLost.IsCancellationRequested ? "a pooler no longer holds its clients back"
        : site.FenceLost.IsCancellationRequested ? "the session that held the tables locked was lost"
        : null;

    /// <summary>
    /// What must not be done as long as it is not known that the target is in charge. Poolers that were stopped ask the source themselves, and let their
    /// clients go on as soon as it answers.
    /// </summary>
    private OperationStep Flipped(PlanStep step, Func<CancellationToken, Task<string>> run) => new(step, cancellationToken => IsFlipped
        ? run(cancellationToken)
        : throw new PgClusterException(Reason.NeedsOperator, "left out: it is not known whether the pointer was flipped; Get-PgSwitchover says so as soon as the source answers"));

    private async Task<string> FlipAsync(CancellationToken cancellationToken)
    {
        if (WhyOff() is { } why)
        {
            throw new PgClusterException(Reason.PlanStale, why);
        }

        var said = await site.FlipAsync(cancellationToken).ConfigureAwait(false);
        IsFlipped = true;
        return said;
    }

    private sealed class CopyProgress(ISwitchoverParticipants participants, IProgress<SwitchoverProgress>? also) : IProgress<SwitchoverProgress>
    {
        public void Report(SwitchoverProgress value)
        {
            participants.Report($"copied {value.TablesDone} of {value.Tables} tables", value);
            also?.Report(value);
        }
    }
}
