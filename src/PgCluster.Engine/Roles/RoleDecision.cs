namespace PgCluster.Engine.Roles;

/// <summary>One change of a role, with everybody it could be made with.</summary>
/// <param name="Role">The role to give.</param>
/// <param name="Candidates">Who may be given it, the best first; nobody when there is nothing to do.</param>
/// <param name="Why">Why, said of the first of them.</param>
/// <param name="Degrades">True when voters become fewer than there are to be.</param>
public sealed record RoleDecision(MemberRole Role, IReadOnlyList<string> Candidates, string Why, bool Degrades = false)
{
    /// <summary>Nothing is to be done.</summary>
    public static RoleDecision None { get; } = new(MemberRole.Spare, [], "nothing is to be done");

    /// <summary>True when nothing is to be done.</summary>
    public bool IsNone => Candidates.Count == 0;

    /// <summary>The order the candidates are in, when a role is given to one of them rather than taken from one.</summary>
    internal NodePreference? Preference { get; init; }
}
