using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Postgres;

namespace PgCluster.Adapters.Switchover;

/// <summary>What libpq programs are told by their environment, which only their own user can read, instead of by arguments, which everybody can.</summary>
internal static class ClientEnvironment
{
    /// <summary>Variables that lead to a database. A password, user or database that the URI leaves out is libpq's to find, as it was the driver's.</summary>
    internal static IReadOnlyDictionary<string, string?> Of(LibpqUri uri)
    {
        var settings = uri.ToConnectionString();
        var environment = new Dictionary<string, string?>
        {
            ["PGHOST"] = settings.Host,
            ["PGPORT"] = settings.Port.ToString(CultureInfo.InvariantCulture),
            ["PGSSLMODE"] = settings.SslMode switch
            {
                SslMode.VerifyCA => "verify-ca",
                SslMode.VerifyFull => "verify-full",
                var mode => mode.ToString().ToLowerInvariant(),
            },
            ["PGGSSENCMODE"] = "disable",
            ["PGAPPNAME"] = "pgcluster-schema",
            ["PGCONNECT_TIMEOUT"] = Math.Max(1, (int)(uri.ConnectTimeout ?? TimeSpan.FromSeconds(15)).TotalSeconds).ToString(CultureInfo.InvariantCulture),
            ["LC_MESSAGES"] = "C",

            // Whoever set these for other connections did not mean this one.
            ["PGHOSTADDR"] = null,
            ["PGSERVICE"] = null,
            ["PGOPTIONS"] = null,
            ["PGTARGETSESSIONATTRS"] = null,
            ["PGDATABASE"] = settings.Database,
        };
        Add("PGUSER", settings.Username);
        Add("PGPASSWORD", settings.Password);
        Add("PGSSLROOTCERT", settings.RootCertificate);
        Add("PGSSLCERT", settings.SslCertificate);
        Add("PGSSLKEY", settings.SslKey);
        return environment;

        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                environment[name] = value;
            }
        }
    }

    /// <summary>The database as an argument: pg_restore does not look for it in the environment.</summary>
    internal static string Database(LibpqUri uri) => uri.Database is { } database
        ? ConnectionInfo.Empty.With("dbname", database).ToString()
        : "connect_timeout=15";
}
