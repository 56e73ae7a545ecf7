using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Tests.Unit.Configuration;

namespace PgCluster.Tests.Unit.Membership;

public sealed class FirstStartRuleTests
{
    // Each node: what its directory holds (c cluster, e empty, o other, u unknown), its role (p, s), its system identifier, and * when it was found running; "-" has not reported.
    [Theory]
    [InlineData("cp1", "cs1", null)]
    [InlineData("cp1", "e", null)]
    [InlineData("cp1", "-", "the agent of pg02 has not reported yet")]
    [InlineData("-", "-", "the agent of pg01 and pg02 has not reported yet")]
    [InlineData("cp1*", "cs1", "pg01 ran already before its agent came")]
    [InlineData("cp1", "cs1*", "pg02 ran already before its agent came")]
    [InlineData("cp1*", "-", "pg01 ran already before its agent came")]
    [InlineData("cp1", "cp1", "pg01 and pg02 are each no standby, and only one can be the primary")]
    [InlineData("cs1", "cs1", "pg01 and pg02 are standbys, and there is no primary")]
    [InlineData("cp1", "cs2", "pg01 and pg02 are not of one cluster")]
    [InlineData("e", "e", "there is no server yet: Initialize-PgCluster -New makes the first one")]
    [InlineData("cp1", "o", "what the data directory of pg02 holds is not clear")]
    [InlineData("u", "cs1", "what the data directory of pg01 holds is not clear")]
    public void Agents_begin_only_when_nothing_is_in_doubt(string first, string second, string? why) => Assert.Equal(
        why,
        FirstStartRule.WhyWait(ConfigTexts.Load(ConfigTexts.ThreeNodes).Config, [.. new[] { Report("pg01", first), Report("pg02", second) }.OfType<NodeReport>()]));

    private static NodeReport? Report(string name, string text) => text == "-" ? null : new NodeReport(
        name,
        new PostgresStatus
        {
            State = NodeState.Stopped,
            Data = text[0] switch { 'c' => DataDirectoryState.Cluster, 'e' => DataDirectoryState.Empty, 'o' => DataDirectoryState.Other, _ => DataDirectoryState.Unknown },
            Role = text.Length < 2 ? NodeRole.Unknown : text[1] == 'p' ? NodeRole.Primary : NodeRole.Standby,
            SystemIdentifier = text.Length > 2 ? text[2..3] : null,
        },
        "1",
        DateTimeOffset.UnixEpoch)
    {
        FoundRunning = text.EndsWith('*'),
    };
}
