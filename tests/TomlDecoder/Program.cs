// The decoder protocol of the public toml-test suite: TOML on stdin, tagged JSON on stdout, exit code 1 when the input is not valid.
using System.Globalization;
using System.Text.Json;
using PgCluster;
using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;

using var input = new MemoryStream();
using (var stdin = Console.OpenStandardInput())
{
    stdin.CopyTo(input);
}

ConfigValue.Table root;
try
{
    root = TomlReader.ParseUtf8(input.ToArray(), "stdin");
}
catch (PgClusterException error) when (error.Reason == Reason.InvalidConfiguration)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

using var stdout = Console.OpenStandardOutput();
using var json = new Utf8JsonWriter(stdout);
Write(root);
json.Flush();
return 0;

void Write(ConfigValue value)
{
    switch (value)
    {
        case ConfigValue.Table table:
            json.WriteStartObject();
            foreach (var entry in table.Entries)
            {
                json.WritePropertyName(entry.Key);
                Write(entry.Value);
            }

            json.WriteEndObject();
            break;
        case ConfigValue.List list:
            json.WriteStartArray();
            foreach (var item in list.Items)
            {
                Write(item);
            }

            json.WriteEndArray();
            break;
        default:
            var (type, text) = Tag(value);
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteString("value", text);
            json.WriteEndObject();
            break;
    }
}

static (string Type, string Text) Tag(ConfigValue value) => value switch
{
    ConfigValue.Text text => ("string", text.Value),
    ConfigValue.Integer integer => ("integer", integer.Value.ToString(CultureInfo.InvariantCulture)),
    ConfigValue.Number { Value: double.PositiveInfinity } => ("float", "inf"),
    ConfigValue.Number { Value: double.NegativeInfinity } => ("float", "-inf"),
    ConfigValue.Number { Value: double.NaN } => ("float", "nan"),
    ConfigValue.Number number => ("float", number.Value.ToString("R", CultureInfo.InvariantCulture)),
    ConfigValue.Boolean boolean => ("bool", boolean.Value ? "true" : "false"),
    ConfigValue.OffsetDateTime moment => ("datetime", Moment(moment.Value)),
    ConfigValue.LocalDateTime local => ("datetime-local", local.Value.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture)),
    ConfigValue.LocalDate date => ("date-local", date.Value.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
    ConfigValue.LocalTime time => ("time-local", time.Value.ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture)),
    _ => throw new InvalidOperationException($"no tag for {value.GetType().Name}"),
};

static string Moment(DateTimeOffset value) =>
    value.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture)
    + (value.Offset == TimeSpan.Zero ? "Z" : value.ToString("zzz", CultureInfo.InvariantCulture));
