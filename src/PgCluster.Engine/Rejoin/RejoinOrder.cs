namespace PgCluster.Engine.Rejoin;

/// <summary>What the holder of the lock lets an agent do to its node: no more than the plan that a person has seen.</summary>
/// <param name="Request">What was asked for.</param>
/// <param name="Planned">What the plan came to: what needs more than that is refused.</param>
/// <param name="DiscardedBytes">Most WAL that may be discarded; null when nobody could say.</param>
/// <param name="KeepCopy">Keep what is discarded.</param>
public sealed record RejoinOrder(RepairMethod Request, RejoinMethod Planned, long? DiscardedBytes, bool KeepCopy)
{
    /// <summary>What was asked for, as the policy has it. A person who asks outranks [rejoin], which is about what agents do unasked.</summary>
    public RejoinOptions Options => OptionsOf(Request, KeepCopy);

    /// <summary>True when a new copy may follow a rewind that did not help.</summary>
    public bool MayClone => Request is RepairMethod.Auto or RepairMethod.Clone;

    /// <summary>The options of a request.</summary>
    public static RejoinOptions OptionsOf(RepairMethod request, bool keepCopy) => new()
    {
        AllowRewind = request is RepairMethod.Auto or RepairMethod.Rewind,
        AllowClone = request is RepairMethod.Auto or RepairMethod.Clone,
        CloneAnyway = request == RepairMethod.Clone,
        KeepCopy = keepCopy,
    };

    /// <summary>Why this plan is more than what was ordered; null when it is not.</summary>
    public string? Against(RejoinPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan.Method == RejoinMethod.Impossible ? plan.Why
            : plan.Method > Planned ? $"it takes a {plan.Method} by now and not a {Planned}: {plan.Why}"
            : DiscardedBytes is { } most && plan.DiscardedBytes is { } bytes && bytes > most
                ? FormattableString.Invariant($"{bytes} bytes of its WAL would be discarded by now, {most} were planned: {plan.Why}")
            : null;
    }
}
