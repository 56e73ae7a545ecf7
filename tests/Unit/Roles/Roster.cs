using System.Globalization;
using System.Text.RegularExpressions;

namespace PgCluster.Tests.Unit.Roles;

/// <summary>Members written down as the table of cases has them.</summary>
internal static partial class Roster
{
    /// <summary>
    /// Members separated by blanks: id, role (V, S or P), -off when offline, -never when marked no_failover, -away when suspended, -leaving when it hands over as well, (failure domain, rank) with the domain 0 when not given. As in the table a
    /// lower rank goes first, so that it is the weight with its sign turned round. Member 1 is the primary.
    /// </summary>
    public static RoleMember[] Parse(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Member)];

    public static string Shown(IEnumerable<RoleMember> members) => string.Join(' ', members.Select(m => string.Create(
        CultureInfo.InvariantCulture,
        $"{m.Name}{Letter(m.Role)}{(m.IsOnline ? "" : "-off")}{(m.NoFailover ? "-never" : "")}{(m.HandsOver ? "-leaving" : m.Suspended is null ? "" : "-away")}({m.FailureDomain},{-m.Weight})")));

    public static char Letter(MemberRole role) => role switch
    {
        MemberRole.Voter => 'V',
        MemberRole.StandBy => 'S',
        _ => 'P',
    };

    private static RoleMember Member(string text)
    {
        var match = Form().Match(text);
        Assert.True(match.Success, text);
        return new RoleMember
        {
            Name = match.Groups["id"].Value,
            Role = match.Groups["role"].Value switch { "V" => MemberRole.Voter, "S" => MemberRole.StandBy, _ => MemberRole.Spare },
            IsPrimary = match.Groups["id"].Value == "1",
            IsOnline = !match.Groups["off"].Success,
            NoFailover = match.Groups["never"].Success,
            Suspended = match.Groups["away"].Success || match.Groups["leaving"].Success ? "suspended by ann@db: a new disk" : null,
            HandsOver = match.Groups["leaving"].Success,
            FailureDomain = match.Groups["domain"].Success ? match.Groups["domain"].Value : "0",
            Weight = match.Groups["rank"].Success ? -int.Parse(match.Groups["rank"].Value, CultureInfo.InvariantCulture) : 0,
        };
    }

    [GeneratedRegex(@"^(?<id>\d+)(?<role>[VSP])(?<off>-off)?(?<never>-never)?(?<away>-away)?(?<leaving>-leaving)?(\((?<domain>\w*)(,(?<rank>\d+))?\))?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
