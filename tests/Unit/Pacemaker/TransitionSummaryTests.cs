using PgCluster.Adapters.Pacemaker;

namespace PgCluster.Tests.Unit.Pacemaker;

public sealed class TransitionSummaryTests
{
    [Fact]
    public void Only_what_would_be_done_is_taken()
    {
        const string Output = """
            Current cluster status:
              * Node List:
                * Online: [ pg01 pg02 pg03 ]

            Transition Summary:
              * Promote    Postgresql:1     ( Unpromoted -> Promoted pg02 )
              * Demote     Postgresql:0     (   Promoted -> Unpromoted pg01 )

            Executing Cluster Transition:
              * Pseudo action:   msPostgresql_pre_notify_demote_0
            """;

        Assert.Equal(["Promote Postgresql:1 ( Unpromoted -> Promoted pg02 )", "Demote Postgresql:0 ( Promoted -> Unpromoted pg01 )"], TransitionSummary.Read(Output));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Transition Summary:\n")]
    [InlineData("Transition Summary:\n\nUsing the original execution date")]
    public void Nothing_is_nothing(string output) => Assert.Empty(TransitionSummary.Read(output));
}
