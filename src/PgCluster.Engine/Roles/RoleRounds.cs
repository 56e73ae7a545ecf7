namespace PgCluster.Engine.Roles;

/// <summary>When roles are adjusted: once in an interval, and at once when the members are others than the last round saw: another primary, one that came, left, failed, is well again or was barred.</summary>
/// <remarks>A round is bounded in steps, and what it leaves over is for the next interval: roles that do not come to rest cost one round in an interval and no more.</remarks>
/// <param name="LastAt">When the last round was, by the caller's monotonic clock; null before the first.</param>
/// <param name="Seen">The members it saw, whatever roles they had.</param>
public sealed record RoleRounds(TimeSpan? LastAt, IReadOnlyList<RoleMember> Seen)
{
    /// <summary>Most changes of one round.</summary>
    public const int MostSteps = 20;

    /// <summary>Before the first round.</summary>
    public static RoleRounds None { get; } = new(null, []);

    /// <summary>True when a round is due.</summary>
    /// <param name="members">The members now.</param>
    /// <param name="now">The caller's monotonic clock.</param>
    /// <param name="interval">Time between two rounds.</param>
    public bool IsDue(IReadOnlyList<RoleMember> members, TimeSpan now, TimeSpan interval) =>
        LastAt is not { } last || now - last >= interval || !Seen.SequenceEqual(members.Select(Bare));

    /// <summary>After a round.</summary>
    /// <param name="members">The members it saw.</param>
    /// <param name="now">The caller's monotonic clock.</param>
    public static RoleRounds After(IReadOnlyList<RoleMember> members, TimeSpan now) => new(now, [.. members.Select(Bare)]);

    // A role that was given is no reason for another round.
    private static RoleMember Bare(RoleMember member) => member with { Role = default };
}
