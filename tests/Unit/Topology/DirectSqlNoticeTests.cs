using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Topology;

public sealed class DirectSqlNoticeTests
{
    private readonly DirectSqlNotice _notice = new(2);

    [Fact]
    public void Says_once_that_a_login_is_refused_and_only_at_the_third_look()
    {
        Assert.Null(Take("pg01", ServerAnswer.Refused));
        Assert.Null(Take("pg01", ServerAnswer.Refused));
        Assert.Contains("pg01 does not let this caller in", Take("pg01", ServerAnswer.Refused), StringComparison.Ordinal);
        Assert.Null(Take("pg01", ServerAnswer.Refused));
        for (var look = 0; look < 5; look++)
        {
            Assert.Null(Take("pg02", ServerAnswer.Refused));
        }
    }

    [Fact]
    public void A_server_that_answered_before_and_refuses_is_only_stopping()
    {
        Assert.Null(Take("pg01", ServerAnswer.Writes));
        for (var look = 0; look < 5; look++)
        {
            Assert.Null(Take("pg01", ServerAnswer.Refused));
        }
    }

    [Fact]
    public void Says_once_that_no_server_answers_and_only_after_three_looks_at_each()
    {
        for (var look = 0; look < 5; look++)
        {
            Assert.Null(Take("pg01", ServerAnswer.Silent));
        }

        Assert.Null(Take("pg02", ServerAnswer.Silent));
        Assert.Null(Take("pg02", ServerAnswer.Silent));
        Assert.Contains("no server answers SQL from here", Take("pg02", ServerAnswer.Silent), StringComparison.Ordinal);
        Assert.Null(Take("pg01", ServerAnswer.Silent));
    }

    [Fact]
    public void Servers_that_answered_once_can_be_down_without_a_word()
    {
        Assert.Null(Take("pg01", ServerAnswer.Standby));
        for (var look = 0; look < 5; look++)
        {
            Assert.Null(Take("pg01", ServerAnswer.Silent));
            Assert.Null(Take("pg02", ServerAnswer.Silent));
        }
    }

    private string? Take(string node, ServerAnswer answer) => _notice.Take(new ServerLook(node, answer, TimeSpan.Zero, TimeSpan.Zero, Detail: "why"));
}
