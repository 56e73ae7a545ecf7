namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>The rules that the protocol stands on beside its deciders. A test breaks one at a time, to show what it is good for and that the search finds it.</summary>
internal sealed record ProtocolRules
{
    /// <summary>What ends a server whose agent cannot.</summary>
    public bool Guard { get; init; } = true;

    /// <summary>The guard's deadline comes before the lease's end by more than clocks drift apart.</summary>
    public bool Margin { get; init; } = true;

    /// <summary>A node that votes receives nothing from the last leader any more.</summary>
    public bool VotesSeal { get; init; } = true;

    /// <summary>The leadership is taken only if the leader's key is as it was read.</summary>
    public bool TakeNeedsTheKeyAsRead { get; init; } = true;

    /// <summary>The leadership is taken only if the last leader, the decision and the policies are as they were read.</summary>
    public bool TakeNeedsTheRestAsRead { get; init; } = true;

    /// <summary>The leadership is taken from a leader that has been silent only if it has not been heard of since.</summary>
    public bool TakeNeedsSilence { get; init; } = true;

    /// <summary>A leader counts on its lease no longer than on its latest beat.</summary>
    public bool SeatNeedsBeats { get; init; } = true;

    /// <summary>A take leaves the deadline alone that a guard has already, until the key is written.</summary>
    public bool TakeKeepsTheDeadline { get; init; } = true;

    /// <summary>A take whose outcome is not known leaves the key, if it is there, and the guard's deadline to run out.</summary>
    public bool DoubtLeavesKeyAndGuard { get; init; } = true;

    /// <summary>The seat counts as lost by the clock, whether or not its keeper has run.</summary>
    public bool SeatGoesByTheClock { get; init; } = true;

    /// <summary>Before a lead is taken the decision is checked against the ballot it is taken with.</summary>
    public bool LeadLooksAgain { get; init; } = true;

    /// <summary>A step-down gives back the term that was lost, and no later one.</summary>
    public bool StepDownEndsItsOwnTerm { get; init; } = true;

    /// <summary>A standby follows the leader and nobody else.</summary>
    public bool FollowsTheLeaderOnly { get; init; } = true;

    /// <summary>A server that was down when its agent started may be started at a later look too.</summary>
    public bool FoundDownComesBack { get; init; } = true;

    /// <summary>A guard is disarmed for a suspension only when the others have been told.</summary>
    public bool SaysSoBeforeItDisarms { get; init; } = true;

    /// <summary>A policy goes on record beside those before it.</summary>
    public bool PoliciesAreJoined { get; init; } = true;

    /// <summary>A list counts as the only one in force once nobody acknowledges by the one before.</summary>
    public bool WaitsUntilAlone { get; init; } = true;

    /// <summary>From where on it is the only one is asked of the server after that has come to be, not before.</summary>
    public bool AsksOnceAlone { get; init; } = true;
}
