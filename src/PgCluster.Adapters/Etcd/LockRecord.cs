using System.Buffers;
using System.Text.Json;
using Google.Protobuf;
using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>What stands in a lock's key: who holds it, what for, since when.</summary>
internal static class LockRecord
{
    /// <summary>Writes it.</summary>
    public static ByteString Write(LockHolder holder, DateTimeOffset since)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("name", holder.Name);
            json.WriteString("purpose", holder.Purpose);
            json.WriteString("since", since);
            json.WriteEndObject();
        }

        return ByteString.CopyFrom(buffer.WrittenSpan);
    }

    /// <summary>Reads it; another tool's key has nothing in it, or something of its own: then the names are empty.</summary>
    public static LockHolder Read(ByteString value)
    {
        try
        {
            using var json = JsonDocument.Parse(value.Memory);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? new LockHolder(Text(json.RootElement, "name"), Text(json.RootElement, "purpose"))
                : new LockHolder("", "");
        }
        catch (JsonException)
        {
            return new LockHolder("", "");
        }
    }

    private static string Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() ?? "" : "";
}
