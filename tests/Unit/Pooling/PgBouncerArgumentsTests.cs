using PgCluster.Engine.Pooling;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class PgBouncerArgumentsTests
{
    [Theory]
    [InlineData("/etc/pgbouncer/pgbouncer.ini", "-R /etc/pgbouncer/pgbouncer.ini")]
    [InlineData("-d -u postgres a.ini", "-R -d -u postgres a.ini")]
    [InlineData("-R a.ini", "-R a.ini")]
    [InlineData("-Rd a.ini", "-R -d a.ini")]
    [InlineData("-dR -qv a.ini", "-R -d -qv a.ini")]
    [InlineData("a.ini -R", "-R a.ini")]
    [InlineData("--reboot --daemon a.ini", "-R -d a.ini")]
    [InlineData("--reb --verbose a.ini", "-R --verbose a.ini")]
    [InlineData("-uR a.ini", "-R -uR a.ini")]
    [InlineData("-Rdu R a.ini", "-R -d -u R a.ini")]
    [InlineData("-u -R a.ini", "-R -u -R a.ini")]
    [InlineData("--user -R a.ini", "-R --user -R a.ini")]
    [InlineData("--user=R a.ini", "-R --user=R a.ini")]
    [InlineData("-- -R", "-R -- -R")]
    [InlineData("-d --", "-R -d --")]
    [InlineData("-", "-R -")]
    [InlineData("", "-R")]
    public void Successor_gets_the_same_arguments_and_takes_over(string arguments, string expected) =>
        Assert.Equal(expected, string.Join(' ', PgBouncerArguments.ForSuccessor(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))));

    [Theory]
    [InlineData("-d a.ini", true)]
    [InlineData("-qvd a.ini", true)]
    [InlineData("--daemon a.ini", true)]
    [InlineData("-u d a.ini", false)]
    [InlineData("-ud a.ini", false)]
    [InlineData("-- -d", false)]
    [InlineData("d.ini", false)]
    public void Daemon_is_told_by_its_arguments(string arguments, bool expected) => Assert.Equal(expected, PgBouncerArguments.AreOfDaemon(arguments.Split(' ')));
}
