using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Tests.Unit.Synchronous;

/// <summary>
/// PR-36 and PR-37 for a cluster. A write goes to the one primary and from there by WAL to every standby, so what is routed is which of them a commit waits for: a secondary is a standby
/// that is named, a target of later repair one that is not and catches up by itself; unassigned is no_failover; a factor of f is f - 1 standbys to wait for. What does not map: a primary that is
/// not healthy, outdated or unassigned takes no writes because it does not lead (NodeDeciderTests), and to create something that is there is PostgreSQL's own error.
/// </summary>
public sealed class SynchronousCasesTests
{
    // Standbys as in SynchronousPolicyRuleTests: well (+), just come back (~), gone for long (!), no_failover (#).
    [Theory]
    [InlineData("PR-36, all consistent", "any 1", "s1+ s2+", "ANY 1 (s1, s2)")]
    [InlineData("PR-36, one is behind", "any 1", "s1~ s2+", "ANY 1 (s2)")]
    [InlineData("PR-36, no healthy secondary", "any 1", "s1! s2!", "")]
    [InlineData("PR-36, unassigned and up to date", "any 1", "s1+ s2#", "ANY 1 (s1)")]
    [InlineData("PR-36, only the unassigned one is up to date", "any 1", "s1~ s2#", "")]
    [InlineData("PR-37, no healthy secondaries", "first 2", "s1! s2!", "")]
    [InlineData("PR-37, factor 0", "any 2", "s1+ s2+", "ANY 2 (s1, s2)")]
    [InlineData("PR-37, factor 0, one is down", "any 2", "s1+ s2!", "ANY 1 (s1)")]
    [InlineData("PR-37, factor 1", "performance", "s1+ s2+", "")]
    [InlineData("PR-37, factor 2", "first 1", "s1+ s2+", "FIRST 1 (s1)")]
    [InlineData("PR-37, factor 3, one is down", "first 2", "s1+ s2!", "FIRST 1 (s1)")]
    public void Who_a_commit_waits_for(string id, string asked, string standbys, string named)
    {
        Assert.NotEmpty(id);
        var parts = asked.Split(' ');
        var config = parts.Length == 1
            ? new SynchronousConfig { Mode = SynchronousMode.Performance }
            : new SynchronousConfig
            {
                Mode = SynchronousMode.Availability,
                Method = Enum.Parse<SynchronousMethod>(parts[0], ignoreCase: true),
                Standbys = int.Parse(parts[1], CultureInfo.InvariantCulture),
            };

        var list = SynchronousPolicyRule.Choose(config, "", SynchronousPolicyRuleTests.Standbys(standbys), SynchronousList.None);

        Assert.Equal(named, list.Text.Replace("\"", "", StringComparison.Ordinal));
    }
}
