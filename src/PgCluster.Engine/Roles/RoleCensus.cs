namespace PgCluster.Engine.Roles;

/// <summary>Who counts as what, taken in one pass.</summary>
internal sealed class RoleCensus
{
    private readonly Dictionary<string, int> _voterDomains = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _standByDomains = new(StringComparer.Ordinal);

    /// <summary>Counts.</summary>
    /// <param name="members">The members.</param>
    /// <param name="but">A member that is left out, because it hands over; null for none.</param>
    public RoleCensus(IReadOnlyList<RoleMember> members, string? but = null)
    {
        foreach (var member in members)
        {
            if (member.Name == but)
            {
                continue;
            }

            if (CountsAsVoter(member))
            {
                Voters++;
                VoterDomains += Add(_voterDomains, member.FailureDomain);
            }
            else if (CountsAsStandBy(member))
            {
                StandBys++;
                Add(_standByDomains, member.FailureDomain);
            }
        }
    }

    /// <summary>Voters that are of use: online, and not barred.</summary>
    public int Voters { get; }

    /// <summary>How many failure domains they are in.</summary>
    public int VoterDomains { get; }

    /// <summary>Stand-bys that are online and in service.</summary>
    public int StandBys { get; }

    /// <summary>The order for another voter.</summary>
    public NodePreference VoterPreference => NodePreference.Spreading(_voterDomains.Keys);

    /// <summary>The order for another stand-by.</summary>
    public NodePreference StandByPreference => NodePreference.Spreading(_standByDomains.Keys);

    /// <summary>How many voters share a member's failure domain, itself among them.</summary>
    public int VotersBeside(RoleMember member) => Beside(_voterDomains, member);

    /// <summary>How many stand-bys share a member's failure domain, itself among them.</summary>
    public int StandBysBeside(RoleMember member) => Beside(_standByDomains, member);

    /// <summary>True when nothing but its health speaks against a member as a voter.</summary>
    public static bool MayVote(RoleMember member) => member is { NoFailover: false, Suspended: null };

    /// <summary>True for a voter that is of use. The primary is one whatever is said of it: it has every commit.</summary>
    public static bool CountsAsVoter(RoleMember member) => member is { Role: MemberRole.Voter, IsOnline: true } && (member.IsPrimary || MayVote(member));

    /// <summary>True for a stand-by that is of use.</summary>
    public static bool CountsAsStandBy(RoleMember member) => member is { Role: MemberRole.StandBy, IsOnline: true, Suspended: null };

    // A member without a domain shares none, and is one of its own.
    private static int Beside(Dictionary<string, int> domains, RoleMember member) =>
        member.FailureDomain.Length == 0 ? 1 : domains.GetValueOrDefault(member.FailureDomain);

    private static int Add(Dictionary<string, int> domains, string domain)
    {
        if (domain.Length == 0)
        {
            return 1;
        }

        var before = domains.GetValueOrDefault(domain);
        domains[domain] = before + 1;
        return before == 0 ? 1 : 0;
    }
}
