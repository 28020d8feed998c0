import express from "express";
import registry from "roster-registry";

const app = express();
const PORT = 3001;

app.get("/authenticate", (req, res) => res.json({ ok: true }));

app.listen(PORT, async () => {
  const { instance } = await registry.register({
    name: "auth-service",
    port: PORT,
    pid: process.pid
  });

  setInterval(() => {
    registry.heartbeat({ name: "auth-service", id: instance.id });
  }, 5000);
});
